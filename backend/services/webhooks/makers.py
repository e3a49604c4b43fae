"""As whom a webhook reads what it sends: its maker, with the roles of the webhook that the maker still has."""

from peewee import Select, fn

from backend.models.role import ADMIN
from backend.models.user import User, UserRole
from backend.models.webhook import Webhook
from backend.services.access.actors import Actor, split_roles
from backend.services.storage.statements import built_once, slot


def find_actor(webhook: Webhook) -> Actor | None:
    """Return the Actor whose changes a webhook sends; None if its maker is deleted or inactive."""
    found = _select_maker().run({"id": webhook.created_by})
    if not found:
        return None
    ((maker_id, roles),) = found
    granted, held = frozenset(webhook.roles), split_roles(roles)
    return Actor(str(maker_id), None, granted if ADMIN in held else granted & held, owns=bool(granted))


@built_once
def _select_maker() -> Select:
    roles = UserRole.select(fn.string_agg(UserRole.role, ",")).where(UserRole.user_id == User.id)
    return User.select(User.id, roles).where(User.id == slot("id"), User.active)
