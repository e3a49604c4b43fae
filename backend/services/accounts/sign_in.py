"""Accounts: registering, signing in with a password, the first admin."""

import secrets
from datetime import datetime
from typing import NamedTuple

from peewee import IntegrityError

from backend.models.database import database
from backend.models.role import ADMIN, MEMBER
from backend.models.user import User, UserRole, give_roles
from backend.services.access import audit
from backend.services.access.actors import PUBLIC, SYSTEM
from backend.services.accounts import mail_tokens, profile_fields, sessions
from backend.services.accounts.mailing import can_send
from backend.services.accounts.outbox import queue_mail
from backend.services.accounts.passwords import hash_password, hashed_form, renew_hash, verify_password
from backend.services.errors import Conflict, Denied, Invalid, NotFound, Unauthenticated
from backend.services.operation import migrations
from backend.utils.clock import utcnow
from backend.utils.emails import account_email
from backend.utils.ids import uuid7

DEFAULT_ADMIN_EMAIL = "admin@example.com"


class Newcomer(NamedTuple):
    """What somebody who registers is told: the same for an address that has an account already."""

    id: str
    email: str
    name: str
    created_at: datetime

    def roles(self):
        """Return the role of everybody."""
        return [MEMBER]


def register(settings, *, email, password, name):
    """Create an account with the role `member` and return a Newcomer; the address gets a mail to confirm it.

    Whoever asks does not learn whether the address has an account: its owner gets another mail, and the answer and the
    work are the same. Raises Denied while registration is not open, Invalid for what cannot be.
    """
    if settings.registration != "open":
        raise Denied("Registration is not open; ask an admin for an account.")
    address = normalize(email)
    newcomer = Newcomer(uuid7(), address, name, utcnow())
    password_hash = hash_password(password, about=(address, name))
    with database.atomic():
        if _insert(newcomer.id, newcomer.created_at, email=address, name=name, password_hash=password_hash):
            give_roles(User.get_by_id(newcomer.id), newcomer.roles())
            audit.record(PUBLIC, "user.register", ("user", newcomer.id), email=address)
            kind = "verification"
        else:
            kind = "already_registered"
        if can_send(settings):
            queue_mail(kind, address)
    return newcomer


def _insert(user_id, now, **values):
    """Insert a User and return whether the address was free."""
    try:
        with database.atomic():
            User.create(id=user_id, created_at=now, updated_at=now, **values)
    except IntegrityError:
        return False
    return True


def normalize(email):
    """Return the form in which the address of an account is kept and compared; raise Invalid."""
    try:
        return account_email(email)
    except ValueError as error:
        raise Invalid({"email": [str(error)]}) from error


def create_user(actor, *, email, password, name, roles, active=True, profile=None, proved=True):
    """Create an account with these roles and return its User.

    The address counts as theirs, unless it is not `proved`; then it gets a mail to confirm it. Raises Invalid for a
    wrong address or password, Conflict when it has an account.
    """
    address, user_id, now = normalize(email), uuid7(), utcnow()
    values = {"email": address, "name": name, "active": active, "profile": profile or {}}
    values["password_hash"] = hash_password(password, about=(address, name))
    with database.atomic():
        if not _insert(user_id, now, verified_at=now if proved else None, **values):
            raise taken()
        if not proved:
            queue_mail("verification", address)
        user = User.get_by_id(user_id)
        give_roles(user, roles)
        audit.record(actor, "user.create", ("user", user_id), email=address, roles=sorted(roles))
        return user.with_roles()


def taken():
    """Return the Conflict of an address that has an account."""
    return Conflict("This address has an account already.", {"json": {"email": ["Already taken."]}})


def authenticate(settings, *, email, password):
    """Return the User with this address and password, its hash renewed if the settings ask for another kind.

    Raises Unauthenticated, which does not tell what was wrong, and Unavailable when too many are signing in. Where mail
    is sent, an address has to be confirmed first; to tell that would tell who registered before.
    """
    user = User.by_email(email)
    form = hashed_form(user and user.password_hash, password)
    confirmed = settings.smtp_url is None or (user is not None and user.verified_at is not None)
    if form is None or not user.active or not confirmed:
        audit.count(PUBLIC, "session.refuse", user and ("user", user.id))
        unconfirmed = "" if settings.smtp_url is None else ", or the address has not been confirmed yet"
        raise Unauthenticated(f"The e-mail address or the password is wrong{unconfirmed}.")
    if renewed := renew_hash(user.password_hash, form):
        # Not over a password that was changed meanwhile.
        same = (User.id == user.id) & (User.password_hash == user.password_hash)
        User.update(password_hash=renewed).where(same).execute()
    return user.with_roles()


def get_user(user_id):
    """Return the User who is signed in."""
    return User.get_by_id(user_id)


def get_user_by_email(email):
    """Return the User with this address, however it is written; raise NotFound."""
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
            before = profile_fields.locked_profile(actor.user_id)
            changes["profile"] = profile_fields.changed_profile(actor, before, changes["profile"], own=True)
            if changes["profile"] != before:
                audit.record(actor, "user.update", ("user", actor.user_id), profile=changes["profile"])
        User.update(changes | {"updated_at": utcnow()}).where(User.id == actor.user_id).execute()
        return get_user(actor.user_id).with_roles()


def change_password(actor, *, current_password, new_password):
    """Set the actor's password and end their other sessions.

    Raises Invalid when `current_password` is wrong or the new one is too weak.
    """
    user = get_user(actor.user_id)
    if not verify_password(user.password_hash, current_password):
        raise Invalid({"current_password": ["This is not your password."]})
    with database.atomic():
        set_password(actor, user, new_password, field="new_password")
        sessions.end_other_sessions(actor)


def set_password(actor, user, password, *, field="password"):
    """Give the user another password; raise Invalid, naming `field`, for one that cannot be taken."""
    password_hash = hash_password(password, about=(user.email, user.name), field=field)
    with database.atomic():
        keep_password(user, password_hash)
        audit.record(actor, "user.change_password", ("user", user.id))


def keep_password(user, password_hash, **changes):
    """Keep the hash of the user's new password and more `changes`: mails sent before open nothing, and they are told.

    Call it in the transaction of the change.
    """
    changes |= {"password_hash": password_hash, "updated_at": utcnow()}
    changes["password_generation"] = User.password_generation + 1
    User.update(changes).where(User.id == user.id).execute()
    mail_tokens.forget_tokens(user.id, *mail_tokens.PURPOSES)
    queue_mail("password_changed", user.email)


def get_first_admin():
    """Return the active admin whose account is the oldest; raise NotFound."""
    admins = User.select().join(UserRole, on=UserRole.user_id == User.id).where(User.active, UserRole.role == ADMIN)
    user = admins.order_by(User.created_at, User.id).first()
    if user is None:
        raise NotFound("There is no active admin; `flask users promote EMAIL` makes one.")
    return user


def create_first_admin(settings):
    """Create an admin when there is none; return (email, password) if the password was made up, else None.

    Raises Conflict when the address has an account without the role: whoever made it must not become admin by that.
    """
    with database.connection_context():
        if UserRole.anyone_has(ADMIN):  # nothing to write, so nothing to wait for
            return None
        return migrations.when_writable(lambda: _create_first_admin(settings))


def _create_first_admin(settings):
    with database.atomic():
        database.lock_definitions()  # two processes starting at once must not both find none
        if UserRole.anyone_has(ADMIN):
            return None
        email = settings.admin_email or DEFAULT_ADMIN_EMAIL
        password = settings.admin_password or secrets.token_urlsafe(12)
        create_user(SYSTEM, email=email, password=password, name="Admin", roles=[ADMIN, MEMBER])
    return None if settings.admin_password else (email, password)
