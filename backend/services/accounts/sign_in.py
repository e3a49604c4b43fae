"""Registration, sign-in with a password, changing one's own password, and the first admin."""

import secrets
from datetime import datetime
from typing import NamedTuple

from backend.config.settings import Settings
from backend.models.database import database
from backend.models.database.retries import retry_while_locked
from backend.models.role import ADMIN, MEMBER
from backend.models.user import User, UserRole
from backend.services.access import audit
from backend.services.access.actors import PUBLIC, SYSTEM, Actor
from backend.services.accounts import sessions, user_updates, users
from backend.services.accounts.mail_server import can_send
from backend.services.accounts.outbox import queue_mail
from backend.services.accounts.passwords import hash_password, match_password, renew_hash, verify_password
from backend.services.errors import Denied, Invalid, Unauthenticated
from backend.utils.clock import utcnow
from backend.utils.ids import uuid7
from backend.utils.problems import Problem

DEFAULT_ADMIN_EMAIL = "admin@example.com"


class Registration(NamedTuple):
    """The response to a registration; it is the same whether or not the address already has an account."""

    id: str
    email: str
    name: str
    created_at: datetime

    def roles(self) -> list[str]:
        """Return the roles of a new user. It is a method, like `User.roles`, so that one schema serializes both."""
        return [MEMBER]


def register(settings: Settings, *, email: str, password: str, name: str) -> Registration:
    """Create a user with the role `member`, and send a confirmation mail.

    If the address already has an account, its owner gets a different mail. Response and timing are the same, so the
    caller cannot tell whether the address is taken. Raises Denied if registration is not open, Invalid if a value is
    not valid.
    """
    if settings.registration != "open":
        raise Denied("Registration is not open; ask an admin for an account.")
    address = users.normalize_address(email)
    registration = Registration(uuid7(), address, name, utcnow())
    password_hash = hash_password(password, personal_words=(address, name))
    with database.atomic():
        user = users.insert_user(**registration._asdict(), roles=registration.roles(), password_hash=password_hash)
        if user is not None:
            audit.record(PUBLIC, "user.register", ("user", registration.id), email=address)
            kind = "verification"
        else:  # the address is taken
            kind = "already_registered"
        # can_send is also true without SMTP if the server is local: then mails are written to the log.
        if can_send(settings):
            queue_mail(kind, address)
    return registration


def describe_registration(settings: Settings) -> dict[str, bool]:
    """Return whether anybody can register, and whether their address must be confirmed before they sign in."""
    return {"open": settings.registration == "open", "needs_confirmation": _requires_confirmation(settings)}


def authenticate(settings: Settings, *, email: str, password: str) -> User:
    """Return the User with this address and password; rehash the password if the stored hash is outdated.

    Raises Unauthenticated if the address or the password is wrong, the user is not active, or the address must be
    confirmed first. The message does not say which, because that would reveal which addresses are registered. Raises
    Unavailable if too many people are signing in.
    """
    user = User.by_email(email)
    # Called even if there is no such user, so that the response takes the same time. Returns the password in the form
    # that matches the hash (normalized, or as typed for old hashes), which renew_hash needs; None if it is wrong.
    matched_form = match_password(user.password_hash if user else None, password)
    if user is None or matched_form is None or not user.active or not _is_confirmed(settings, user):
        # One entry per hour and user (one for all unknown addresses) with a counter, so that a client cannot fill the
        # table.
        audit.record_repeated(PUBLIC, "session.refuse", ("user", user.id) if user else None)
        unconfirmed = ", or the address is not confirmed yet" if _requires_confirmation(settings) else ""
        raise Unauthenticated(f"The e-mail address or the password is wrong{unconfirmed}.")
    assert user.password_hash is not None  # or nothing would match it
    if new_hash := renew_hash(user.password_hash, matched_form):
        # Do not overwrite a password changed in the meantime.
        is_unchanged = (User.id == user.id) & (User.password_hash == user.password_hash)
        User.update(password_hash=new_hash).where(is_unchanged).execute()
    return user.with_roles()


def _is_confirmed(settings: Settings, user: User) -> bool:
    return user.verified_at is not None or not _requires_confirmation(settings)


def _requires_confirmation(settings: Settings) -> bool:
    """Return whether users must confirm their address before they sign in: only if a mail server can reach them."""
    return settings.smtp_url is not None


def change_password(actor: Actor, *, current_password: str, new_password: str) -> None:
    """Set the actor's own password, and end their other sessions.

    Raises Invalid if `current_password` is wrong, or if the new password is not allowed.
    """
    user = users.get_user(actor.user_id)
    if not verify_password(user.password_hash, current_password):
        raise Invalid({"current_password": [Problem("wrong_password", "This is not your password.")]})
    with database.atomic():
        user_updates.set_password(actor, user, new_password, field="new_password")
        sessions.end_other_sessions(actor)


def create_first_admin(settings: Settings) -> tuple[str, str] | None:
    """Create an admin if there is none.

    Returns (email, password) if an admin was created with a generated password. Returns None if there already is an
    admin, or if the password is set in the settings.

    Raises Conflict if the address belongs to a user who is not an admin; an existing user is never promoted.
    """
    with database.connection_context():
        # Check before locking: a normal start must not wait for the lock.
        if UserRole.anyone_has(ADMIN):
            return None
        return retry_while_locked(lambda: _create_first_admin(settings))


def _create_first_admin(settings: Settings) -> tuple[str, str] | None:
    with database.atomic():
        # Any exclusive lock will do: only one of two starting processes may create the admin.
        database.lock_definitions()
        if UserRole.anyone_has(ADMIN):
            return None
        email = settings.admin_email or DEFAULT_ADMIN_EMAIL
        password = settings.admin_password or secrets.token_urlsafe(12)
        users.create_user(SYSTEM, email=email, password=password, name="Admin", roles=[ADMIN])
    return None if settings.admin_password else (email, password)
