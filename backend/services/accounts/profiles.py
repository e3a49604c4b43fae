"""Profiles: the values of users, which rules read as `$user.<field>`."""

from collections.abc import Iterable
from typing import Any

from marshmallow import ValidationError

from backend.models.database import database
from backend.models.user import User
from backend.services.access.actors import Actor
from backend.services.definitions.definition import Definition
from backend.services.definitions.policies import LOCKED, may_set_profile_field
from backend.services.definitions.row_rules import used_user_fields, user_fields
from backend.services.definitions.stored import load_definitions
from backend.services.errors import Denied, Invalid
from backend.services.field_types.base import FieldType
from backend.utils.problems import UNKNOWN_FIELD, problems_of
from backend.utils.unknown_fields import propose_field

Profile = dict[str, Any]  # values by the names of profile fields


def lock_profile(user_id: str | None) -> Profile:
    """Return the profile of a user, and lock it until the transaction ends."""
    profile: Profile = database.lock_for_update(User.select(User.profile).where(User.id == user_id)).get().profile
    return profile


def updated_profile(actor: Actor, profile: Profile, changes: Profile, *, own: bool = False) -> Profile:
    """Return a new profile: `profile` with these `changes`; a null removes a value.

    If it is the actor's `own` profile, they may only set fields whose `writable_by` has one of their roles. Raises
    Invalid for a field that they may not set, and for a value that is not valid.
    """
    fields, problems, result = user_fields(), {}, dict(profile)
    for name, value in changes.items():
        try:
            if name not in fields:
                raise ValidationError(propose_field(UNKNOWN_FIELD, name, fields))
            new_value = _load_value(actor, fields[name], value, own)
        except ValidationError as error:
            problems[name[:80]] = problems_of(error)
            continue
        result.pop(name, None)
        if new_value is not None:
            result[name] = new_value
    if problems:
        raise Invalid({"profile": problems})
    return result


def _load_value(actor: Actor, field: FieldType, value: Any, own: bool) -> Any:
    if own and not may_set_profile_field(actor, field):
        raise ValidationError(LOCKED)
    if value is None:
        return None
    return field.to_json(field.json_field().deserialize(value))


def require_may_give_values(actor: Actor, before: Profile, after: Profile) -> None:
    """Raise Denied if a value that is new in the profile `after` could give access to records the actor may not see.

    These are values of fields that a grant uses. The actor may give such a value if their own profile has it, or if
    they may set the field.
    """
    if actor.is_admin:
        return
    own = User.select(User.profile).where(User.id == actor.user_id).scalar() or {}
    new = {name for name, value in after.items() if value not in (before.get(name), own.get(name))}
    used = values_used_by_grants() & new if new else set()
    fields = user_fields() if used else {}
    if missing := sorted(name for name in used if not may_set_profile_field(actor, fields[name])):
        raise Denied(f"Grants use {', '.join(missing)}, and you do not have this value yourself.")


def values_used_by_grants() -> set[str]:
    """Return the values of users that the grants of any definition use, by name, such as `team` or `email`."""
    return _union(used_values(definition) for definition in load_definitions().values())


def used_values(definition: Definition) -> set[str]:
    """Return the values of users that the grants of this definition use, by name."""
    grants = [grant for listed in definition.access.values() for grant in listed if isinstance(grant, dict)]
    return _union(used_user_fields(grant["where"]) for grant in grants)


def _union(sets: Iterable[set[str]]) -> set[str]:
    return set[str]().union(*sets)
