"""What an account sees of itself, or an API key of the account it acts for."""

from typing import Any, NamedTuple

from backend.models.api_key import ApiKey
from backend.models.user import SERVICE, User
from backend.services.access.actors import Actor
from backend.services.access.permissions import PERMISSIONS, permissions_of
from backend.services.accounts import users


class OwnAccount(NamedTuple):
    """An account with the roles and permissions of this request.

    With an API key they are those that the key has now. A key does not see the address and the profile of a person.
    """

    user: User
    roles: list[str]
    permissions: list[str]
    api_key: ApiKey | None

    @property
    def email(self) -> str | None:
        """The e-mail address of a person in a session."""
        return None if self.api_key else self.user.email

    @property
    def profile(self) -> dict[str, Any]:
        """The values of profile fields; for a person's API key none."""
        return {} if self.api_key and self.user.kind != SERVICE else self.user.profile


def get_own_account(actor: Actor) -> OwnAccount:
    """Return the OwnAccount of an actor who is signed in."""
    user = users.get_user(actor.user_id)
    key = ApiKey.get_by_id(actor.api_key_id) if actor.api_key_id else None
    roles = sorted(actor.roles - PERMISSIONS.keys())
    return OwnAccount(user, roles, sorted(permissions_of(actor.roles)), key)
