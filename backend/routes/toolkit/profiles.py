"""The profile of a user in requests and responses. Its schemas depend on the profile fields that are declared."""

from typing import Any

from marshmallow import fields

from backend.services.definitions.catalog import Resource
from backend.services.definitions.people import PeopleDefinition
from backend.services.field_types.marshmallow_fields import StrictText
from backend.services.records.schemas import describe
from backend.utils.schemas import BuiltSchema, make_schema

PROFILE, CHANGE = "UserProfile", "UserProfileUpdate"  # the names of the schemas
ANY_PROFILE = {"type": "object", "description": "Values of the profile fields", "additionalProperties": {}}


class Profile(fields.Dict):
    """The values of the profile fields of a user, in a response."""

    schema_name = PROFILE


class ProfileChange(fields.Dict):
    """Values of profile fields, in a request; null removes a value. The service checks them."""

    schema_name = CHANGE

    def __init__(self, **options: Any) -> None:
        super().__init__(keys=StrictText(), **options)


def describe_profile(converter: Any, field: fields.Field[Any], ret: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Return the reference to the schema of a Profile or ProfileChange, and nothing for other fields."""
    if not isinstance(field, (Profile, ProfileChange)):
        return {}
    ret.clear()
    return {"$ref": f"#/components/schemas/{field.schema_name}"}


def profile_schemas(people: Resource) -> list[BuiltSchema]:
    """Return the two schemas of profiles, for the profile fields that are declared."""
    definition = people.definition
    assert isinstance(definition, PeopleDefinition)
    declared = definition.profile_fields.items()
    values = {name: field.json_field(metadata=describe(field)) for name, field in declared}
    changes = {name: field.json_field(allow_none=True, metadata=describe(field)) for name, field in declared}
    return [make_schema(PROFILE, values), make_schema(CHANGE, changes)]
