"""Accounts: registering, signing in with a password, the first admin."""

import secrets

from peewee import IntegrityError

from backend.models.database import database
from backend.models.role import ADMIN, MEMBER
from backend.models.user import User, UserRole, give_roles
from backend.services.errors import Conflict, Denied, Invalid, Unauthenticated
from backend.services.passwords import hash_password, renew_hash, verify_password
from backend.utils.clock import utcnow
from backend.utils.emails import normalize_email

DEFAULT_ADMIN_EMAIL = "admin@example.com"


def register(settings, *, email, password, name):
    """Create an account with the role `member` and return its User.

    Raises Denied while registration is closed, Conflict when the address has an account.
    """
    if settings.registration == "closed":
        raise Denied("Registration is closed; ask an admin for an account.")
    return create_user(email=email, password=password, name=name, roles=[MEMBER])


def create_user(*, email, password, name, roles):
    """Create an account with these roles and return its User.

    Raises Invalid for a wrong address or password, Conflict when the address has an account.
    """
    try:
        address = normalize_email(email).lower()
    except ValueError as error:
        raise Invalid({"email": [str(error)]}) from error
    password_hash = hash_password(password, about=(address, name))
    try:
        with database.atomic():
            user = User.create(email=address, name=name, password_hash=password_hash, updated_at=utcnow())
            give_roles(user, roles)
    except IntegrityError as error:
        raise Conflict("This address has an account already.", {"json": {"email": ["Already taken."]}}) from error
    return user


def authenticate(*, email, password):
    """Return the User with this address and password, its hash renewed if the settings ask for another kind.

    Raises Unauthenticated, which does not tell what was wrong, and Unavailable when too many are signing in.
    """
    user = User.by_email(email)
    known = verify_password(user and user.password_hash, password)
    if not known or not user.active:
        raise Unauthenticated("The e-mail address or the password is wrong.")
    if renewed := renew_hash(user.password_hash, password):
        # Not over a password that was changed meanwhile.
        same = (User.id == user.id) & (User.password_hash == user.password_hash)
        User.update(password_hash=renewed).where(same).execute()
    return user


def get_user(user_id):
    """Return the User who is signed in."""
    return User.get_by_id(user_id)


def update_own_account(user_id, *, name):
    """Change what people may change of themselves; return the User."""
    User.update(name=name, updated_at=utcnow()).where(User.id == user_id).execute()
    return get_user(user_id)


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
        create_user(email=email, password=password, name="Admin", roles=[ADMIN, MEMBER])
    return None if settings.admin_password else (email, password)
