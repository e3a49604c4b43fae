"""Waits for changes in the feed: one thread of the process asks for all requests that wait."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from backend.config.settings import Settings
from backend.models.database import DATABASE_ERRORS, connected
from backend.services.storage.feed_reading import Position, read_last

POLL_SECONDS = 0.1  # between two looks at the feed, while somebody waits
GONE_POLL_SECONDS = 0.5  # between two looks whether a client is still there
SHARE_OF_THREADS = 4  # at most one of as many threads waits


class FeedWatch:
    """The requests of this process that wait for a change. They hold no database connection meanwhile."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._waiting = self._places = 0
        self._is_polling = self._has_ended = False
        self._last = Position(0, 0)

    def open(self, settings: Settings) -> None:
        """Take the number of threads from the settings."""
        self._places, self._has_ended = settings.threads // SHARE_OF_THREADS, False

    def end_waits(self) -> None:
        """End all waits at once, and let nobody wait any more: the server stops."""
        with self._condition:
            self._has_ended = True
            self._condition.notify_all()

    @contextmanager
    def place(self) -> Iterator[bool]:
        """Take one of the places for requests that wait, for a block; yield False if none is free."""
        with self._condition:
            has_place = self._waiting < self._places and not self._has_ended
            self._waiting += has_place
        try:
            yield has_place
        finally:
            with self._condition:
                self._waiting -= has_place

    def wait(self, last: Position, deadline: float, is_gone: Callable[[], bool]) -> bool:
        """Wait until a change comes after `last`, what read_last() returned; return whether one has.

        Wait at most until `deadline`, a reading of time.monotonic(), and no longer than the client is there.
        """
        while True:
            with self._condition:
                self._start_polling()
                seconds = min(deadline - time.monotonic(), GONE_POLL_SECONDS)
                self._condition.wait_for(lambda: self._last > last or self._has_ended, max(seconds, 0))
                if self._last > last or self._has_ended:
                    return not self._has_ended
            if time.monotonic() >= deadline or is_gone():
                return False

    def _start_polling(self) -> None:
        if not self._is_polling:
            self._is_polling = True
            threading.Thread(target=self._poll, name="feed", daemon=True).start()

    def _poll(self) -> None:
        while True:
            try:
                with connected():
                    last = read_last()
            except DATABASE_ERRORS:  # requests that wait find it out themselves
                last = self._last
            with self._condition:
                if last > self._last:
                    self._last = last
                    self._condition.notify_all()
                if not self._waiting or self._has_ended:
                    self._is_polling = False
                    self._last = Position(0, 0)  # the next database may have other positions
                    return
            time.sleep(POLL_SECONDS)


feed_watch = FeedWatch()
