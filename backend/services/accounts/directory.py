"""The declaration of the directory: which roles see users, and which fields of them."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from backend.models.user import UserSettings
from backend.services.access import audit
from backend.services.access.actors import Actor
from backend.services.definitions.names import shown_name
from backend.services.definitions.people import DIRECTORY, Settings, read_settings, showable_profile_fields
from backend.services.definitions.stored import role_names
from backend.services.errors import Invalid
from backend.services.field_types.marshmallow_fields import StrictText
from backend.utils.problems import Problem, problems_of

MAX_NAMES = 50
OWN_FIELDS = ("name", "email")  # that every user has


def _names(part: str, description: str) -> fields.List[str]:
    return fields.List(
        StrictText(),
        load_default=lambda: DIRECTORY[part],
        validate=validate.Length(max=MAX_NAMES),
        metadata={"description": description, "default": DIRECTORY[part]},
    )


DirectorySchema = Schema.from_dict(
    {
        "roles": _names("roles", "Who sees users in `/directory` and with `expand`; admins always do"),
        "fields": _names("fields", "What they see, beside the `id`: `name`, `email` or profile fields"),
    },
    name="DirectorySettings",
)
_schema = DirectorySchema()


def apply_directory(actor: Actor, declared: Any) -> bool:
    """Store the declaration, and return whether it differs from the one before. Raises Invalid if it is not valid."""
    try:
        directory = _schema.load(declared)
    except ValidationError as error:
        raise Invalid({"directory": problems_of(error)}) from error
    before = read_settings().directory
    if directory == before:
        return False
    UserSettings.update(directory=directory).execute()
    audit.record(actor, "directory.update", ("settings", "users"), before=before, after=directory)
    return True


def require_known(settings: Settings) -> None:
    """Raise Invalid if the directory names a role or a field that does not exist, or names one twice."""
    known = {"roles": role_names(), "fields": [*OWN_FIELDS, *showable_profile_fields(settings.fields)]}
    problems = {part: _problems(names, known[part]) for part, names in settings.directory.items()}
    if problems := {part: messages for part, messages in problems.items() if messages}:
        raise Invalid({"directory": problems})


def _problems(names: list[str], known: list[str]) -> list[Problem]:
    unknown = [_unknown(shown_name(name)) for name in names if name not in known]
    return unknown or ([Problem("duplicate", "Each name at most once.")] if len(set(names)) != len(names) else [])


def _unknown(name: str) -> Problem:
    return Problem("not_found", f"There is no {name}, or it cannot be shown.", names=[name])
