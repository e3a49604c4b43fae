"""Registration, sign-in with a password, changing one's own password, and the first admin."""

import secrets
from datetime import datetime
from typing import NamedTuple

from backend.config.settings import Settings
from backend.models.database import database
from backend.models.role import ADMIN, MEMBER
from backend.models.user import User, UserRole
from backend.services.access import audit
from backend.services.access.actors import PUBLIC, SYSTEM, Actor
from backend.services.accounts import sessions, user_updates, users
from backend.services.accounts.mail_server import can_send
from backend.services.accounts.outbox import queue_mail
from backend.services.accounts.passwords import hash_password, hashed_form, renew_hash, verify_password
from backend.services.errors import Denied, Invalid, Unauthenticated
from backend.services.operation import migrations
from backend.utils.clock import utcnow
from backend.utils.ids import uuid7

DEFAULT_ADMIN_EMAIL = "admin@example.com"


class Registration(NamedTuple):
    """The answer to a registration: it is the same whether or not the address has an account already."""

    id: str
    email: str
    name: str
    created_at: datetime

    def roles(self) -> list[str]:
        """Return the roles of a new user."""
        return [MEMBER]


def register(settings: Settings, *, email: str, password: str, name: str) -> Registration:
    """Create a user with the role `member`; the address gets a mail to confirm it.

    The caller does not learn whether the address has an account already: then its owner gets a different mail, while
    the answer and the work are the same. Raises Denied if registration is not open, Invalid for a wrong value.
    """
    if settings.registration != "open":
        raise Denied("Registration is not open; ask an admin for an account.")
    address = users.normalize_address(email)
    answer = Registration(uuid7(), address, name, utcnow())
    password_hash = hash_password(password, about=(address, name))
    with database.atomic():
        if users.insert_user(**answer._asdict(), roles=answer.roles(), password_hash=password_hash):
            audit.record(PUBLIC, "user.register", ("user", answer.id), email=address)
            kind = "verification"
        else:
            kind = "already_registered"
        if can_send(settings):
            queue_mail(kind, address)
    return answer


def authenticate(settings: Settings, *, email: str, password: str) -> User:
    """Return the User with this address and password; store a new hash if the settings have changed.

    Raises Unauthenticated, which does not say what was wrong, and Unavailable if too many people are signing in. If the
    server sends mail, an address must be confirmed first; saying that would tell who has registered.
    """
    user = User.by_email(email)
    form = hashed_form(user.password_hash if user else None, password)
    if user is None or form is None or not user.active or not _may_sign_in(settings, user):
        audit.count(PUBLIC, "session.refuse", ("user", user.id) if user else None)
        unconfirmed = "" if settings.smtp_url is None else ", or the address is not confirmed yet"
        raise Unauthenticated(f"The e-mail address or the password is wrong{unconfirmed}.")
    if renewed := renew_hash(user.password_hash, form):
        # A password that was changed since must stay.
        same = (User.id == user.id) & (User.password_hash == user.password_hash)
        User.update(password_hash=renewed).where(same).execute()
    return user.with_roles()


def _may_sign_in(settings: Settings, user: User) -> bool:
    """Tell whether the address is confirmed, where that is possible."""
    return settings.smtp_url is None or user.verified_at is not None


def change_password(actor: Actor, *, current_password: str, new_password: str) -> None:
    """Set the actor's own password and end their other sessions.

    Raises Invalid if `current_password` is wrong or the new one is not allowed.
    """
    user = users.get_user(actor.user_id)
    if not verify_password(user.password_hash, current_password):
        raise Invalid({"current_password": ["This is not your password."]})
    with database.atomic():
        user_updates.set_password(actor, user, new_password, field="new_password")
        sessions.end_other_sessions(actor)


def create_first_admin(settings: Settings) -> tuple[str, str] | None:
    """Create an admin if there is none; return (email, password) if the password was generated, else None.

    Raises Conflict if the address has an account without the role: its owner must not become an admin by that.
    """
    with database.connection_context():
        if UserRole.anyone_has(ADMIN):  # checked first, so that a start without anything to write waits for no lock
            return None
        return migrations.when_writable(lambda: _create_first_admin(settings))


def _create_first_admin(settings: Settings) -> tuple[str, str] | None:
    with database.atomic():
        database.lock_definitions()  # so that of two processes that start at once only one creates an admin
        if UserRole.anyone_has(ADMIN):
            return None
        email = settings.admin_email or DEFAULT_ADMIN_EMAIL
        password = settings.admin_password or secrets.token_urlsafe(12)
        users.create_user(SYSTEM, email=email, password=password, name="Admin", roles=[ADMIN])
    return None if settings.admin_password else (email, password)
