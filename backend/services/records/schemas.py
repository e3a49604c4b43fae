"""The schemas that load the data of a record, for requests and for batches."""

from collections.abc import Callable
from typing import Any, NamedTuple

from marshmallow import ValidationError, fields, missing

from backend.services.access.actors import Actor
from backend.services.definitions.catalog import Resource
from backend.services.definitions.client_names import client_names
from backend.services.definitions.definition import SYSTEM_FIELDS
from backend.services.definitions.policies import LOCKED, hidden_fields, locked_fields
from backend.services.field_types.base import FieldType, to_text
from backend.utils.problems import Problem
from backend.utils.schemas import BuiltSchema, make_schema

SET_BY_SYSTEM = Problem("read_only", "Larder sets this field; leave it out.")
MAX_SCHEMAS = 32  # kept per resource: one pair for each combination of hidden and locked fields


class DataSchemas(NamedTuple):
    """The schema of a whole record, and the schema of a change to some of its fields."""

    create: BuiltSchema
    patch: BuiltSchema


def data_schemas(actor: Actor, resource: Resource) -> DataSchemas:
    """Return the schemas that load what the actor sends to create or change a record.

    For a field that they may see but not set, the error is LOCKED. A field that they may neither see nor set is
    refused as unknown.
    """
    hidden, locked = hidden_fields(resource.definition, actor), locked_fields(resource.definition, actor)
    kept: dict[tuple[frozenset[str], frozenset[str]], DataSchemas] = resource.data_schemas
    schemas = kept.get((hidden, locked))
    if schemas is None:
        if len(kept) >= MAX_SCHEMAS:
            kept.clear()
        schemas = kept[hidden, locked] = _make_schemas(resource, hidden, locked)
    return schemas


def _make_schemas(resource: Resource, hidden: frozenset[str], locked: frozenset[str]) -> DataSchemas:
    known = {name: field for name, field in resource.definition.fields.items() if name not in hidden & locked}

    def schema(suffix: str, make_field: Callable[[FieldType], fields.Field[Any]]) -> BuiltSchema:
        members = {name: _Locked() if name in locked else make_field(field) for name, field in known.items()}
        return make_schema(f"{client_names(resource.name).type}{suffix}", members, _Data)

    return DataSchemas(create=schema("Create", _field_of_record), patch=schema("Update", _field_of_change))


class _Data(BuiltSchema):
    """The data of a record, which clients often send back as they got it."""

    def handle_error(self, error: ValidationError, data: Any, **options: Any) -> None:
        """Replace the problems of the fields that the system sets."""
        super().handle_error(error, data, **options)
        if isinstance(error.messages, dict):
            error.messages.update({name: [SET_BY_SYSTEM] for name in SYSTEM_FIELDS if name in error.messages})


class _Locked(fields.Raw):
    """A field that the actor may not set."""

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **kwargs: Any) -> Any:
        """Raise ValidationError for any value, also for null."""
        if value is not missing:
            raise ValidationError(LOCKED)
        return value


def _field_of_record(field: FieldType) -> fields.Field[Any]:
    """Return the marshmallow field for creating and replacing: if it is left out, it gets the default, or null.

    If the default varies, nothing is loaded: a new record gets its value, one that is replaced keeps its own.
    """
    options: dict[str, Any] = {"allow_none": field.is_nullable, "metadata": describe(field, _shown_default(field))}
    if field.varying_default:
        return field.json_field(**options)
    if field.default is not None:
        # marshmallow does not deserialize a load_default, so do it here.
        options |= {"load_default": field.json_field().deserialize(field.default)}
    elif field.required:
        options |= {"required": True}
    else:
        options |= {"load_default": field.no_value}
    return field.json_field(**options)


def _field_of_change(field: FieldType) -> fields.Field[Any]:
    return field.change_field(allow_none=field.is_nullable, metadata=describe(field))


def _shown_default(field: FieldType) -> str | None:
    return field.varying_default or (None if field.default is None else to_text(field.default))


def describe(field: FieldType, default: str | None = None) -> dict[str, Any]:
    """Return the metadata that documents a field with the description in its definition, and its default."""
    notes = [field.description, f"Computed as `{field.computed}`" if field.computed else ""]
    notes += ["Upper and lower case are the same in comparisons"] if field.ignores_case else []
    notes += [] if default is None else [f"New records get `{default}` by default"]
    description = ". ".join(note for note in notes if note)
    return {"description": description} if description else {}
