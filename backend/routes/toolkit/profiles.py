"""The profile of a user in requests and responses. Its schemas depend on the profile fields that are declared."""

from typing import Any

from marshmallow import fields

from backend.services.definitions.catalog import Resource
from backend.services.definitions.people import PeopleDefinition
from backend.services.field_types.marshmallow_fields import StrictText
from backend.services.records.schemas import describe
from backend.utils.schemas import COMPONENT, BuiltSchema, make_schema

PROFILE, CHANGE = "UserProfile", "UserProfileUpdate"  # the names of the schemas
ANY_PROFILE = {"type": "object", "description": "Values of the profile fields", "additionalProperties": {}}


def profile() -> fields.Dict:
    """Return the marshmallow field for the values of the profile fields of a user, in a response."""
    return fields.Dict(required=True, metadata={COMPONENT: PROFILE})


def profile_change(**options: Any) -> fields.Dict:
    """Return the field for values of profile fields in a request; null removes a value. The service checks them."""
    return fields.Dict(keys=StrictText(), metadata={COMPONENT: CHANGE}, **options)


def profile_schemas(people: Resource) -> list[BuiltSchema]:
    """Return the two schemas of profiles, for the profile fields that are declared."""
    definition = people.definition
    assert isinstance(definition, PeopleDefinition)
    declared = definition.profile_fields.items()
    values = {name: field.json_field(metadata=describe(field)) for name, field in declared}
    changes = {name: field.json_field(allow_none=True, metadata=describe(field)) for name, field in declared}
    return [make_schema(PROFILE, values), make_schema(CHANGE, changes)]
