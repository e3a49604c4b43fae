"""The schemas of what would be: the plan of a change of a definition, and a definition proposed for a file."""

from typing import Any, get_args

from marshmallow import Schema, fields, validate

from backend.routes.toolkit.row_uploads import FormatQuery
from backend.services.definitions import schema
from backend.services.definitions.steps import Action
from backend.services.field_types.boolean import BooleanFromText
from backend.services.field_types.marshmallow_fields import StrictText


class PlanStepSchema(Schema):
    """A step of a plan."""

    action = fields.String(required=True, validate=validate.OneOf(get_args(Action)))
    resource = fields.String(required=True)
    subject = fields.String(required=True, allow_none=True, metadata={"description": "The field or fields"})
    text = fields.String(required=True, metadata={"description": "The step in words"})
    loses_data = fields.Boolean(required=True)
    impossible = fields.Boolean(required=True, metadata={"description": "Existing records prevent it"})
    records = fields.Integer(required=True, metadata={"description": "How many records lose a value or prevent it"})
    ids = fields.List(fields.UUID(), required=True, metadata={"description": "The first of these records"})


class DefinitionPlanSchema(Schema):
    """What a change of a definition would do, as a list of steps."""

    steps = fields.List(fields.Nested(PlanStepSchema), required=True)
    loses_data = fields.Boolean(required=True, metadata={"description": "Whether it must be confirmed"})
    possible = fields.Boolean(required=True)
    fingerprint = fields.String(required=True, metadata={"description": "Confirms the plan"})
    advice = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "Indexes that would serve slow lists of the changed resources"},
    )


class ProposalQuery(FormatQuery):
    """What to propose, and how to read the file."""

    name = StrictText(
        load_default="records",
        validate=validate.Length(1, 200),
        metadata={"description": "Name of the resource, or of the file"},
    )


class ImportOptionsSchema(FormatQuery):
    """Parameters for an import of the file."""

    lenient = BooleanFromText()  # without a default: it is left out


class ProposedDefinitionSchema(schema.DefinitionSchema):
    """The definition of a resource that does not exist yet."""


class DefinitionProposalSchema(Schema):
    """A definition that fits a file, and how to import the file."""

    definition = fields.Nested(ProposedDefinitionSchema, required=True)
    import_ = fields.Nested(
        ImportOptionsSchema, required=True, data_key="import", metadata={"description": "Parameters for the import"}
    )
    rows = fields.Integer(required=True)
    notes = fields.List(fields.String(), required=True, metadata={"description": "What a person should decide"})

    def dump(self, proposal: Any, *, many: bool | None = None) -> Any:
        """Return the proposal unchanged."""
        return proposal
