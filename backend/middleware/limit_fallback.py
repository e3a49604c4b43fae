"""A storage of the `limits` package that goes on counting when the shared storage fails."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import structlog
from limits.storage import Storage, storage_from_string
from redis.backoff import NoBackoff
from redis.retry import Retry

from backend.middleware.limit_storage import SqliteStorage

Answer = TypeVar("Answer")

REDIS_OPTIONS: dict[str, Any] = {
    "key_prefix": "larder",
    "socket_timeout": 0.5,  # seconds
    "socket_connect_timeout": 0.5,
    "retry": Retry(NoBackoff(), 1),  # a connection may be stale; the library's own patience is for minutes
}
PAUSE_SECONDS = 10  # after a failure of the storage, before it is asked again

log = structlog.get_logger()


class FallbackStorage(Storage):
    """Counts in the storage at `shared_uri` and in this process, whose count holds while the storage fails.

    The storage is `sqlite://PATH` or one of Redis.
    """

    STORAGE_SCHEME = ["fallback"]

    def __init__(self, uri: str, *, shared_uri: str) -> None:
        super().__init__(uri)
        self._shared = _open(shared_uri)
        self._own = SqliteStorage("sqlite://:memory:")
        self._ask_again_at = 0.0

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """What a failure raises that no process can make up for."""
        return self._own.base_exceptions

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add `amount` to the count of a window of `expiry` seconds; return the count."""
        return self._ask(lambda storage: storage.incr(key, expiry, amount))

    def get(self, key: str) -> int:
        """Return the count."""
        return self._ask(lambda storage: storage.get(key))

    def get_expiry(self, key: str) -> float:
        """Return when the window ends, in seconds since 1970."""
        return self._ask(lambda storage: storage.get_expiry(key))

    def check(self) -> bool:
        """Tell whether the shared storage can be used."""
        return self._shared.check()

    def reset(self) -> None:
        """Delete all counts."""
        self._ask(lambda storage: storage.reset())

    def clear(self, key: str) -> None:
        """Delete the count."""
        self._ask(lambda storage: storage.clear(key))

    def _ask(self, question: Callable[[Storage], Answer]) -> Answer:
        own = question(self._own)
        if time.monotonic() < self._ask_again_at:
            return own
        try:
            return question(self._shared)
        except self._shared.base_exceptions as error:
            self._ask_again_at = time.monotonic() + PAUSE_SECONDS
            log.warning("limits are counted by each process alone", reason=type(error).__name__)
            return own


def _open(uri: str) -> Storage:
    storage = storage_from_string(uri, **({} if uri.startswith("sqlite:") else REDIS_OPTIONS))
    assert isinstance(storage, Storage)  # the package has others, for asyncio
    return storage
