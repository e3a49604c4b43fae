"""As whom a webhook reads what it sends: its maker, with the roles of the webhook that the maker still has."""

from backend.models.role import ADMIN
from backend.models.user import User
from backend.models.webhook import Webhook
from backend.services.access.actors import Actor


def find_actor(webhook: Webhook) -> Actor | None:
    """Return the Actor whose changes a webhook sends; None if its maker is deleted or inactive."""
    maker = User.get_or_none(User.id == webhook.created_by, User.active)
    if maker is None:
        return None
    granted, held = frozenset(webhook.roles), frozenset(maker.roles())
    return Actor(str(maker.id), None, granted if ADMIN in held else granted & held, owns=bool(granted))
