"""Users, as those who may change them see them."""

from peewee import IntegrityError

from backend.models.database import database
from backend.models.role import ADMIN, MEMBER, Role
from backend.models.user import User, UserRole, give_roles
from backend.services.access import audit
from backend.services.access.permissions import require_has_roles, require_may_give
from backend.services.accounts import api_keys, mail_tokens, profile_fields, sessions, sign_in
from backend.services.accounts.outbox import queue_mail
from backend.services.errors import Conflict, Denied, NotFound
from backend.services.records import records
from backend.utils.clock import utcnow


def get_user(user_id):
    """Return the User; raise NotFound."""
    user = User.get_or_none(User.id == user_id)
    if user is None:
        raise NotFound("There is no such user.")
    return user


def create_user(actor, *, roles, profile, **values):
    """Create a User with these roles, and `member`.

    Raises Invalid for a value or a role that cannot be, Denied for a role the actor may not give, Conflict when the
    address has an account.
    """
    require_may_give(actor, roles)
    profile = profile_fields.changed_profile(actor, {}, profile)
    profile_fields.require_may_pass_on(actor, {}, profile)
    values |= {"roles": {*roles, MEMBER}, "profile": profile, "proved": _vouches_for_addresses(actor)}
    return sign_in.create_user(actor, **values)


def _vouches_for_addresses(actor):
    """Tell whether an address counts as a user's because the actor says so.

    Where a grant speaks of `$user.email`, an address opens records: only admins open them to whom they like.
    """
    return actor.is_admin or "email" not in profile_fields.values_that_open_records()


def update_user(actor, user_id, changes, *, whole=False):
    """Change what is in `changes` (email, name, active, roles, profile, password) and return the User.

    Of a profile only the values given change, unless it is meant to be the `whole` of it. A new password and the end
    of `active` end all sessions of the user, and a password that somebody else sets ends their API keys too. Raises as
    create_user does, Denied too for anything but the name of somebody with a role that the actor lacks, before the
    change or after it, and Conflict when no active admin would be left.
    """
    roles = {*changes.pop("roles"), MEMBER} if "roles" in changes else None
    password = changes.pop("password", None)
    with database.atomic():
        user = _lock_user(actor, user_id)
        held = set(user.roles())
        if "email" in changes:
            changes["email"] = sign_in.normalize(changes["email"])
        if "profile" in changes:
            before = {} if whole else profile_fields.locked_profile(user_id)
            changes["profile"] = profile_fields.changed_profile(actor, before, changes["profile"])
            profile_fields.require_may_pass_on(actor, user.profile, changes["profile"])
        changed = {name: value for name, value in changes.items() if value != getattr(user, name)}
        if "email" in changed and not _vouches_for_addresses(actor):
            changed["verified_at"] = None
        if password is not None or roles not in (None, held) or set(changed) - {"name"}:
            require_has_roles(actor, held)
        if roles not in (None, held):
            _set_roles(actor, user, held, roles)
        if password is not None:
            _set_password(actor, user, password)
        if changed:
            _save(user, changed)
            if "email" in changed:
                mail_tokens.forget_tokens(user_id, *mail_tokens.PURPOSES)
                queue_mail("address_changed", user.email)  # the old one
                queue_mail("verification", changed["email"])  # sent unless it counts as proved
            audit.record(actor, "user.update", ("user", user_id), **changed)
        if changed.get("active") is False:
            sessions.end_sessions_of(user_id)
        _require_an_admin()
        return get_user(user_id).with_roles()


def delete_user(actor, catalog, user_id):
    """Delete a user, and settle the records they own as each definition says in `on_owner_delete`.

    Raises NotFound, Denied for somebody with a role that the actor lacks, and Conflict when no active admin would be
    left or records are in the way.
    """
    with database.atomic():
        user = _lock_user(actor, user_id)
        require_has_roles(actor, user.roles())
        for resource in catalog.values():
            records.settle_owned(actor, resource, user_id)
        audit.record(actor, "user.delete", ("user", user_id), email=user.email)
        User.delete().where(User.id == user_id).execute()
        _require_an_admin()


def _lock_user(actor, user_id):
    """Return the User, holding all changes of users back, so that two admins cannot remove each other at once."""
    list(database.lock_for_update(Role.select(Role.name).where(Role.name == ADMIN)))
    user = get_user(user_id)
    if actor.api_key_id is not None and actor.user_id == user.id:
        raise Denied("An API key may not change the account it belongs to.")
    if ADMIN in user.roles() and not actor.is_admin:
        raise Denied("Only admins change admins.")
    return user


def _set_roles(actor, user, held, roles):
    require_may_give(actor, roles)
    UserRole.delete().where(UserRole.user_id == user.id, UserRole.role.in_(list(held - roles))).execute()
    if added := sorted(roles - held):
        give_roles(user, added)
    audit.record(actor, "user.set_roles", ("user", user.id), before=sorted(held), after=sorted(roles))


def _set_password(actor, user, password):
    """Set it and sign the user out; what a stranger may have made in the account, its API keys, ends as well."""
    sign_in.set_password(actor, user, password)
    sessions.end_sessions_of(user.id)
    if actor.user_id != user.id:
        api_keys.revoke_keys_of(actor, user.id)


def _save(user, changed):
    try:
        with database.atomic():
            User.update(changed | {"updated_at": utcnow()}).where(User.id == user.id).execute()
    except IntegrityError as error:
        raise sign_in.taken() from error


def _require_an_admin():
    admins = User.select().join(UserRole, on=UserRole.user_id == User.id).where(User.active, UserRole.role == ADMIN)
    if not admins.exists():
        raise Conflict("This is the last active admin; make somebody else one first.")
