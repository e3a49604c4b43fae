"""Cursors of the feed of changes: encrypted, because their numbers would tell how much is written of what is hidden."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from struct import Struct
from uuid import UUID

from itsdangerous import URLSafeSerializer

from backend.config.settings import Settings
from backend.services.definitions.catalog import Resource
from backend.services.errors import Expired, Malformed
from backend.services.storage.feed_reading import Position, read_state
from backend.utils.clock import utcnow
from backend.utils.sealing import Sealer

# The position, the epoch, a hash of the names of the resources, and a time in seconds since 1970: no change after the
# position is older.
CONTENT = Struct(">QQ16s8sI")
MAX_CURSOR_CHARACTERS = 200
DAY_SECONDS = 24 * 3600
NOT_OURS = "The cursor was not issued here, or not with the present key."


class CursorLife:
    """How long a cursor is valid: as long as changes are kept.

    If it were valid until changes after it are deleted, it would show whether there were any.
    """

    seconds: int = Settings.changes_keep_days * DAY_SECONDS

    def open(self, settings: Settings) -> None:
        """Take the time from the settings."""
        self.seconds = settings.changes_keep_days * DAY_SECONDS


cursor_life = CursorLife()


class ChangeCursors:
    """Reads and writes the cursors of the feeds of some resources; `state` is that of the feeds at its creation."""

    def __init__(self, serializer: URLSafeSerializer, resources: Sequence[str]) -> None:
        """Read the state of the feeds. Raises Unavailable if one has just ended."""
        self.state = read_state(resources)
        self._sealer = Sealer(serializer.secret_keys[::-1], "cursor of changes")  # the serializer signs with the last
        self._resources, self._names = resources, _hash(resources)
        self._epoch = UUID(min(self.state.epochs)).bytes

    def write(self, position: Position, at: str | None = None) -> str:
        """Return the cursor of a Position: that of a change `at` this time, or the end of the feed now."""
        moment = datetime.fromisoformat(at) if at else utcnow()
        sealed = self._sealer.seal(CONTENT.pack(*position, self._epoch, self._names, int(moment.timestamp())))
        return urlsafe_b64encode(sealed).decode().rstrip("=")

    def read(self, cursor: str) -> Position:
        """Return the Position in a cursor of the feeds of these resources, or of one of them.

        Raises Malformed if it is another cursor, Expired if changes after it may have been deleted, or are not
        comparable.
        """
        transaction_id, sequence, epoch, names, seconds = CONTENT.unpack(self._opened(cursor))
        if names != self._names and names not in [_hash([each]) for each in self._resources]:
            raise Malformed("The cursor belongs to other resources.")
        position = Position(transaction_id, sequence)
        is_old = utcnow().timestamp() - seconds > cursor_life.seconds
        is_comparable = str(UUID(bytes=epoch)) in self.state.epochs
        if is_old or not is_comparable or not self.state.start <= position <= self.state.end:
            raise Expired()
        return position

    def _opened(self, cursor: str) -> bytes:
        try:
            return self._sealer.open(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        except ValueError as error:
            raise Malformed(NOT_OURS) from error


def changes_cursor(resource: Resource) -> str:
    """Return the cursor of the end of a resource's feed. Take it before the records are listed.

    Raises Unavailable if the feed has just ended.
    """
    cursors = ChangeCursors(resource.cursor_serializer, [resource.name])
    return cursors.write(cursors.state.end)


def _hash(resources: Sequence[str]) -> bytes:
    return sha256(",".join(sorted(resources)).encode()).digest()[:8]
