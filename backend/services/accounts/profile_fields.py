"""Profiles: values that admins give to accounts, which row rules read as `$user.<field>`; and which there are here."""

from decimal import Decimal

from marshmallow import ValidationError

from backend.models.database import database
from backend.models.user import ProfileFields, User
from backend.services.access import audit
from backend.services.definitions.catalog import load_definitions, role_names
from backend.services.definitions.definition import name_problem
from backend.services.definitions.grants import used_user_fields, user_fields
from backend.services.definitions.policies import LOCKED
from backend.services.errors import Conflict, Denied, Invalid
from backend.services.field_types.registry import parse_field

MAX_FIELDS = 50
RESERVED = {"id", "email", "name", "roles", "active"}  # what an account has anyway
OPTIONS_WITHOUT_MEANING = ("required", "default", "unique", "index", "readable_by")


def get_settings():
    """Return {"fields": declarations by name}."""
    return {"fields": ProfileFields.declared()}


def replace_settings(actor, declared, *, confirmed=False):
    """Give accounts these fields and no others; return the settings.

    Values of a field that goes are lost, which has to be confirmed. Raises Invalid, and Conflict when a definition
    speaks of a field that goes or gets another type, or when accounts have values that a field does not take.
    """
    with database.time_limit(None), database.atomic():  # every account may change
        database.lock_definitions()
        apply_settings(actor, declared, confirmed=confirmed)
        return {"fields": ProfileFields.declared()}


def apply_settings(actor, declared, *, confirmed=False):
    """Do what replace_settings does, within the caller's lock on the definitions; tell whether it changed anything."""
    fields = _parse(declared)
    before = ProfileFields.declared()
    after = {name: kind.to_dict() for name, kind in fields.items()}
    if after == before:
        return False
    _check_rules([name for name in before if name not in after or after[name]["type"] != before[name]["type"]])
    _refit_profiles(fields, confirmed)
    ProfileFields.update(fields=after).execute()
    audit.record(actor, "user_settings.update", ("settings", "users"), before=before, after=after)
    return True


def lost_values(declared):
    """Return {id of a user: names of the fields that have a value and are no longer declared}."""
    kept = declared if isinstance(declared, dict) else {}
    found = {
        user.id: [name for name in user.profile if name not in kept] for user in User.select(User.id, User.profile)
    }
    return {user_id: names for user_id, names in found.items() if names}


def changed_profile(actor, profile, given, *, own=False):
    """Return the profile with the values `given`, where null takes one away; raise Invalid.

    `own` says that it is the actor's, who may set the fields that name one of their roles in `writable_by`.
    """
    fields, problems, profile = user_fields(), {}, dict(profile)
    for name, value in given.items():
        try:
            if name not in fields:
                raise ValidationError("Unknown field.")
            if own and not _may_set(actor, fields[name]):
                raise ValidationError(LOCKED)
            profile.pop(name, None)
            if value is not None:
                profile[name] = _read(fields[name], value)
        except ValidationError as error:
            problems[name[:80]] = error.messages
    if problems:
        raise Invalid({"profile": problems})
    return profile


def _may_set(actor, kind):
    return actor.is_admin or not actor.roles.isdisjoint(kind.writable_by or ())


def require_may_pass_on(actor, before, after):
    """Raise Denied for a value in the profile `after` that would open records which the actor may not see.

    That is a new one that a grant asks for, unless it is in the actor's own profile or they may set the field.
    """
    if actor.is_admin:
        return
    own = User.select(User.profile).where(User.id == actor.user_id).scalar() or {}
    new = [name for name, value in after.items() if value not in (before.get(name), own.get(name))]
    opening = values_that_open_records().intersection(new) if new else ()
    fields = user_fields() if opening else {}
    if opening := sorted(name for name in opening if not _may_set(actor, fields[name])):
        raise Denied(f"Grants ask for {', '.join(opening)}, and you do not have this value yourself.")


def values_that_open_records():
    """Return the names of the users' values, `email` among them, that a grant of any definition speaks of."""
    return set().union(*(_used_fields(definition) for definition in load_definitions().values()))


def _used_fields(definition):
    """Return the names of the users' values that the grants of a definition speak of."""
    grants = [grant for listed in definition.access.values() for grant in listed if isinstance(grant, dict)]
    return set().union(*(used_user_fields(grant["where"]) for grant in grants))


def locked_profile(user_id):
    """Return the profile of a user, which nobody else changes before the transaction ends."""
    return database.lock_for_update(User.select(User.profile).where(User.id == user_id)).get().profile


def _read(kind, value):
    read = kind.wire().deserialize(value)
    return str(read) if isinstance(read, Decimal) else read


def _parse(declared):
    if not isinstance(declared, dict) or len(declared) > MAX_FIELDS:
        raise Invalid({"fields": [f"An object of at most {MAX_FIELDS} fields by name was expected."]})
    fields, problems, roles = {}, {}, role_names()
    for name, declaration in declared.items():
        try:
            if problem := name_problem(str(name), RESERVED):
                raise Invalid([problem])
            fields[name] = parse_field(declaration)
            _check(fields[name], declaration, roles)
        except Invalid as error:
            problems[str(name)[:80].encode(errors="replace").decode()] = error.errors
    if problems:
        raise Invalid({"fields": problems})
    return fields


def _check(kind, declaration, roles):
    if kind.name == "reference":
        raise Invalid({"type": ["A profile holds no references; take `uuid` for the id of a record."]})
    if without := [option for option in OPTIONS_WITHOUT_MEANING if option in declaration]:
        raise Invalid({option: ["A field of a profile has no such option."] for option in without})
    if unknown := [role for role in kind.writable_by or () if role not in roles]:
        raise Invalid({"writable_by": [f"No such role: {', '.join(unknown)}."]})


def _check_rules(names):
    """Raise Conflict when a definition has a rule that speaks of one of the fields."""
    for definition in load_definitions().values():
        if spoken_of := sorted(_used_fields(definition).intersection(names)):
            told = " and ".join(f"$user.{name}" for name in spoken_of)
            raise Conflict(f"A grant of {definition.name} speaks of {told}; change it first.")


def _refit_profiles(fields, confirmed):
    """Take out of all profiles the values of fields that go: were one made again, nobody must find theirs in it."""
    for user in User.select(User.id, User.profile):
        lost = [name for name in user.profile if name not in fields]
        if lost and not confirmed:
            raise Conflict(f"Accounts have a value of {', '.join(lost)}; say ?confirm=true to lose them.")
        kept = {name: value for name, value in user.profile.items() if name in fields}
        try:
            for name, value in kept.items():
                fields[name].wire().deserialize(value)
        except ValidationError as error:
            raise Conflict(f"Accounts have a value of {name} that it would not take.") from error
        if lost:
            User.update(profile=kept).where(User.id == user.id).execute()
