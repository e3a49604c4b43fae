"""Accounts: registering, signing in with a password, the first admin."""

import secrets

from peewee import IntegrityError

from backend.models.database import database
from backend.models.role import ADMIN, MEMBER
from backend.models.user import User, UserRole, give_roles
from backend.services import audit, profiles, sessions
from backend.services.actors import PUBLIC, SYSTEM
from backend.services.errors import Conflict, Denied, Invalid, NotFound, Unauthenticated
from backend.services.passwords import hash_password, verify_password
from backend.utils.clock import utcnow
from backend.utils.emails import normalize_email

DEFAULT_ADMIN_EMAIL = "admin@example.com"


def register(settings, *, email, password, name):
    """Create an account with the role `member` and return its User.

    Raises Denied while registration is closed, Conflict when the address has an account.
    """
    if settings.registration == "closed":
        raise Denied("Registration is closed; ask an admin for an account.")
    return create_user(PUBLIC, email=email, password=password, name=name, roles=[MEMBER])


def create_user(actor, *, email, password, name, roles, active=True, profile=None):
    """Create an account with these roles and return its User.

    Raises Invalid for a wrong address or password, Conflict when the address has an account.
    """
    try:
        address = normalize_email(email).lower()
    except ValueError as error:
        raise Invalid({"email": [str(error)]}) from error
    password_hash = hash_password(password)
    try:
        with database.atomic():
            values = {"email": address, "name": name, "active": active, "profile": profile or {}}
            user = User.create(password_hash=password_hash, updated_at=utcnow(), **values)
            give_roles(user, roles)
            audit.record(actor, "user.create", ("user", user.id), email=address, roles=sorted(roles))
    except IntegrityError as error:
        raise taken() from error
    return user


def taken():
    """Return the Conflict of an address that has an account."""
    return Conflict("This address has an account already.", {"json": {"email": ["Already taken."]}})


def authenticate(*, email, password):
    """Return the User with this address and password; raise Unauthenticated, which does not tell what was wrong."""
    user = User.by_email(email)
    known = verify_password(user and user.password_hash, password)
    if not known or not user.active:
        audit.record(PUBLIC, "session.refuse", user and ("user", user.id))
        raise Unauthenticated("The e-mail address or the password is wrong.")
    return user


def get_user(user_id):
    """Return the User who is signed in."""
    return User.get_by_id(user_id)


def get_user_by_email(email):
    """Return the User with this address in any case; raise NotFound."""
    user = User.by_email(email)
    if user is None:
        raise NotFound(f"There is no account of {email}.")
    return user


def list_users():
    """Return every User, by address."""
    return list(User.select().order_by(User.email))


def update_own_account(actor, changes):
    """Change the name and those values of the profile that people may change of themselves; return the User."""
    with database.atomic():
        if "profile" in changes:
            before = profiles.locked_profile(actor.user_id)
            changes["profile"] = profiles.changed_profile(actor, before, changes["profile"], own=True)
            audit.record(actor, "user.update", ("user", actor.user_id), profile=changes["profile"])
        User.update(changes | {"updated_at": utcnow()}).where(User.id == actor.user_id).execute()
    return get_user(actor.user_id)


def change_password(actor, *, current_password, new_password):
    """Set the actor's password and end their other sessions.

    Raises Invalid when `current_password` is wrong or the new one is too weak.
    """
    user = get_user(actor.user_id)
    if not verify_password(user.password_hash, current_password):
        raise Invalid({"current_password": ["This is not your password."]})
    with database.atomic():
        set_password(actor, user, new_password)
        sessions.end_other_sessions(actor)


def set_password(actor, user, password):
    """Give the user another password; raise Invalid for one that cannot be taken."""
    changes = {"password_hash": hash_password(password), "updated_at": utcnow()}
    with database.atomic():
        User.update(changes).where(User.id == user.id).execute()
        audit.record(actor, "user.change_password", ("user", user.id))


def create_first_admin(settings):
    """Create an admin when there is none; return (email, password) if the password was made up, else None.

    Raises Conflict when the address has an account without the role: whoever made it must not become admin by that.
    """
    with database.connection_context(), database.atomic():
        database.lock_definitions()  # two processes starting at once must not both find none
        if UserRole.anyone_has(ADMIN):
            return None
        email = settings.admin_email or DEFAULT_ADMIN_EMAIL
        password = settings.admin_password or secrets.token_urlsafe(12)
        create_user(SYSTEM, email=email, password=password, name="Admin", roles=[ADMIN, MEMBER])
    return None if settings.admin_password else (email, password)
