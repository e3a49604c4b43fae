"""A storage for the `limits` package that counts in the process while the shared storage fails."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import structlog
from limits.storage import Storage, storage_from_string
from redis.backoff import NoBackoff
from redis.retry import Retry

from backend.middleware.limit_storage import SqliteStorage

Result = TypeVar("Result")

REDIS_OPTIONS: dict[str, Any] = {
    "key_prefix": "larder",
    "socket_timeout": 0.5,  # seconds
    "socket_connect_timeout": 0.5,
    "retry": Retry(NoBackoff(), 1),  # once, as a connection may be stale; the default retries take too long
}
PAUSE_SECONDS = 10  # after a failure, before the shared storage is used again

log = structlog.get_logger()


class FallbackStorage(Storage):
    """Counts in the storage at `shared_uri` and in this process. The count of the process is used if the storage fails.

    `shared_uri` is `sqlite://PATH` or a Redis URI.
    """

    STORAGE_SCHEME = ["fallback"]

    def __init__(self, uri: str, *, shared_uri: str) -> None:
        super().__init__(uri)
        self._shared = _open(shared_uri)
        self._own = SqliteStorage("sqlite://:memory:")
        self._paused_until = 0.0

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """The exceptions that callers may see: those of the storage in this process."""
        return self._own.base_exceptions

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add `amount` to the count of a window of `expiry` seconds; return the count."""
        return self._run(lambda storage: storage.incr(key, expiry, amount))

    def get(self, key: str) -> int:
        """Return the count."""
        return self._run(lambda storage: storage.get(key))

    def get_expiry(self, key: str) -> float:
        """Return when the window ends, in seconds since 1970."""
        return self._run(lambda storage: storage.get_expiry(key))

    def check(self) -> bool:
        """Return whether the shared storage can be used."""
        return self._shared.check()

    def reset(self) -> None:
        """Delete all counts."""
        self._run(lambda storage: storage.reset())

    def clear(self, key: str) -> None:
        """Delete the count."""
        self._run(lambda storage: storage.clear(key))

    def _run(self, operation: Callable[[Storage], Result]) -> Result:
        own = operation(self._own)
        if time.monotonic() < self._paused_until:
            return own
        try:
            return operation(self._shared)
        except self._shared.base_exceptions as error:
            self._paused_until = time.monotonic() + PAUSE_SECONDS
            log.warning("rate limits are counted per process", reason=type(error).__name__)
            return own


def _open(uri: str) -> Storage:
    storage = storage_from_string(uri, **({} if uri.startswith("sqlite:") else REDIS_OPTIONS))
    assert isinstance(storage, Storage)  # not an asynchronous one
    return storage
