"""Who makes a request."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from backend.models.role import ADMIN


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a user in a session, a user's API key, PUBLIC (anonymous), or SYSTEM (the command line).

    The `roles` of an API key contain its permissions, too: no role has such a name.
    """

    user_id: str | None = None
    session_id: str | None = None
    roles: frozenset[str] = frozenset()
    api_key_id: str | None = None
    # False for an API key without roles: owners and values of the user in grants mean nothing to it.
    owns: bool = True
    # The values of the user that row rules need; policies.py fills it, at most once per request.
    user_values: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def is_admin(self) -> bool:
        """Whether the actor may do everything."""
        return ADMIN in self.roles

    @property
    def is_signed_in(self) -> bool:
        """Whether the request comes from a user or from the command line."""
        return self.user_id is not None or self.is_admin


PUBLIC = Actor()
SYSTEM = Actor(roles=frozenset({ADMIN}))  # the command line: a person who can run it has the database anyway


class Caller(NamedTuple):
    """The result of the query at the start of a request: the current generation, and the actor of the token or key.

    `actor` is None if there is no token or key, or if it is not valid.
    """

    generation: int
    actor: Actor | None


def split_roles(joined: str | None) -> frozenset[str]:
    """Return the roles that a query joined with commas; None means no roles."""
    return frozenset(joined.split(",")) if joined else frozenset()
