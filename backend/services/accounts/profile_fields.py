"""Profile fields: further values of users, declared like the fields of a definition."""

from collections.abc import Iterable, Mapping
from typing import Any

from marshmallow import ValidationError

from backend.models.user import User, UserSettings
from backend.services.access import audit
from backend.services.access.actors import Actor
from backend.services.access.permissions import no_such_role
from backend.services.accounts.profiles import used_values
from backend.services.definitions.checks import check_together
from backend.services.definitions.names import name_problem
from backend.services.definitions.stored import load_definitions, role_names
from backend.services.errors import Conflict, Invalid
from backend.services.field_types.base import FieldType
from backend.services.field_types.registry import parse_field
from backend.services.field_types.varying import USER
from backend.utils.problems import Problem

MAX_FIELDS = 50
RESERVED = {"id", "email", "name", "roles", "active"}  # every user has these anyway
OPTIONS_WITHOUT_MEANING = (
    *("required", "default", "unique", "index", "readable_by", "ignore_case", "computed"),
    "renamed_from",  # the values of a renamed field would be lost
)
PROFILE_TYPES = Problem(
    "not_allowed", "Profiles cannot hold this. Use `uuid` for the id of a record, and decimals of at most 18 digits."
)


def apply_fields(actor: Actor, declared: Any, *, confirmed: bool = False) -> bool:
    """Replace the profile fields by those declared, and return whether they differ from the ones before.

    Raises what replace_settings of user_settings.py raises.
    """
    fields = _parse(declared)
    before = UserSettings.profile_fields()
    after = {name: field.to_dict() for name, field in fields.items()}
    if after == before:
        return False
    _require_unused(name for name in before if name not in after or after[name]["type"] != before[name]["type"])
    _update_values(fields, confirmed)
    UserSettings.update(fields=after).execute()
    _require_valid_rules()
    audit.record(actor, "user_settings.update", ("settings", "users"), before=before, after=after)
    return True


def lost_values(declared: Any) -> dict[str, list[str]]:
    """Return a map of user id to the profile fields with a value that are no longer declared."""
    kept = declared if isinstance(declared, dict) else {}
    lost = {user.id: [name for name in user.profile if name not in kept] for user in _profiles()}
    return {user_id: names for user_id, names in lost.items() if names}


def _profiles() -> Iterable[User]:
    return User.select(User.id, User.profile)


def _parse(declared: Any) -> dict[str, FieldType]:
    if not isinstance(declared, dict) or len(declared) > MAX_FIELDS:
        text = f"Must be an object of at most {MAX_FIELDS} fields."
        raise Invalid({"fields": [Problem("wrong_type", text, expected="object", limit=MAX_FIELDS)]})
    fields, problems, roles = {}, {}, role_names()
    for name, declaration in declared.items():
        try:
            if problem := name_problem(str(name), name in RESERVED):
                raise Invalid([problem])
            fields[name] = parse_field(declaration)
            _check_options(fields[name], declaration, roles)
        except Invalid as error:
            problems[str(name)[:80].encode(errors="replace").decode()] = error.errors
    if problems:
        raise Invalid({"fields": problems})
    return fields


def _check_options(field: FieldType, declaration: Mapping[str, Any], roles: list[str]) -> None:
    if not field.fits_profiles:
        raise Invalid({"type": [PROFILE_TYPES]})
    if without := [option for option in OPTIONS_WITHOUT_MEANING if option in declaration]:
        problem = Problem("not_allowed", "A profile field has no such option.")
        raise Invalid({option: [problem] for option in without})
    if unknown := [role for role in field.writable_by or () if role not in roles]:
        raise Invalid({"writable_by": [no_such_role(unknown)]})


def _require_valid_rules() -> None:
    """Raise Conflict if a row rule leads to users and compares a profile field in a way that is no longer possible."""
    try:
        check_together(load_definitions())
    except Invalid as error:
        raise Conflict(
            f"Row rules of {', '.join(sorted(error.errors))} use a profile field; change them first."
        ) from error


def _require_unused(names: Iterable[str]) -> None:
    """Raise Conflict if a grant or a default uses one of the fields."""
    names = set(names)
    for definition in load_definitions().values():
        defaults = {(field.varying_default or "").removeprefix(USER) for field in definition.fields.values()}
        for what, all_used in (("grant", used_values(definition)), ("default", defaults)):
            if used := sorted(all_used & names):
                values = " and ".join(f"{USER}{name}" for name in used)
                raise Conflict(f"A {what} of {definition.name} uses {values}; change it first.")


def _update_values(fields: Mapping[str, FieldType], confirmed: bool) -> None:
    """Store all values in the form of their fields; delete those of removed fields, which a later one must not get.

    Raises Conflict if there are such values and this is not `confirmed`, or if a field no longer allows its value.
    """
    for user in _profiles():
        lost = [name for name in user.profile if name not in fields]
        if lost and not confirmed:
            raise Conflict(f"Users have a value of {', '.join(lost)}; send ?confirm=true to delete these values.")
        kept = {name: _allowed(name, fields[name], value) for name, value in user.profile.items() if name in fields}
        if kept != user.profile:
            User.update(profile=kept).where(User.id == user.id).execute()


def _allowed(name: str, field: FieldType, value: Any) -> Any:
    """Return a value that a user has in the form of the field. Raises Conflict if the field does not allow it."""
    try:
        return field.to_json(field.json_field().deserialize(value))
    except ValidationError as error:
        raise Conflict(f"Users have a value of {name} that the field would not allow.") from error
