"""Who makes a request."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from backend.models.role import ADMIN


@dataclass(frozen=True, slots=True)
class Actor:
    """A user in a session, a user's API key, `PUBLIC`, or `SYSTEM`."""

    user_id: str | None = None
    session_id: str | None = None
    roles: frozenset[str] = frozenset()
    api_key_id: str | None = None
    # The values that rules ask of the user; policies.py fills it, at most once in a request.
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
    """What one read finds out at the start of a request: the generation in force, and the actor of a token or key.

    `actor` is None if the token or key is not valid.
    """

    generation: int
    actor: Actor | None
