"""The streams of changes that this process serves, and how many it may."""

import threading
from collections import Counter

from backend.config.settings import Settings
from backend.services.errors import Unavailable

MAX_OF_AN_ACTOR = 10
ELSEWHERE = (
    "This process serves no streams of changes. They are served where `LARDER_STREAMS` is set, "
    "see docs/operating.md; `GET /changes` with `wait` works everywhere."
)


class OpenStreams:
    """The open streams of this process, counted by who reads them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.places = 0  # how many streams this process serves at the same time
        self._by_actor: Counter[str] = Counter()

    def open(self, settings: Settings) -> None:
        """Take the number of streams from the settings."""
        self.places = settings.streams

    @property
    def number(self) -> int:
        """How many streams are open."""
        return self._by_actor.total()

    def require_places(self) -> None:
        """Raise Unavailable if this process serves no streams at all."""
        if not self.places:
            raise Unavailable(ELSEWHERE)

    def add(self, actor: str) -> bool:
        """Count one more stream; return False, and do not count it, if the actor has MAX_OF_AN_ACTOR already.

        `actor` is the id of a user, or the address of somebody who is not signed in. Raises Unavailable if no stream
        is free.
        """
        with self._lock:
            if self._by_actor[actor] >= MAX_OF_AN_ACTOR:
                return False
            if self.number >= self.places:
                raise Unavailable("All streams of changes are in use; try again later.")
            self._by_actor[actor] += 1
            return True

    def remove(self, actor: str) -> None:
        """Count a stream no more that add() has counted."""
        with self._lock:
            self._by_actor[actor] -= 1
            if not self._by_actor[actor]:
                del self._by_actor[actor]


open_streams = OpenStreams()
