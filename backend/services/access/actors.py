"""Who makes a request."""

from dataclasses import dataclass, field

from backend.models.role import ADMIN


@dataclass(frozen=True, slots=True)
class Actor:
    """A user in a session, a user's API key, `PUBLIC`, or `SYSTEM`."""

    user_id: str | None = None
    session_id: str | None = None
    roles: frozenset = frozenset()
    api_key_id: str | None = None
    # What row rules have asked of the user's account; policies.py reads it at most once in a request.
    account: dict = field(default_factory=dict, compare=False, repr=False)

    @property
    def is_admin(self):
        """Whether the actor may do everything."""
        return ADMIN in self.roles

    @property
    def is_signed_in(self):
        """Whether somebody is behind the request."""
        return self.user_id is not None or self.is_admin


PUBLIC = Actor()
SYSTEM = Actor(roles=frozenset({ADMIN}))  # the command line: whoever can run it owns the database anyway
