"""Waits for changes in the feed: one thread of the process asks for all requests that wait, and for all streams."""

import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from backend.config.settings import Settings
from backend.models.database import DATABASE_ERRORS, connected
from backend.services.storage.feed_reading import START, Position, read_changed, read_last

POLL_SECONDS = 0.1  # between two looks at the feed, while somebody waits
GONE_POLL_SECONDS = 1  # between two looks whether a client is still there
SHARE_OF_THREADS = 4  # at most one of as many threads waits, except those of streams


class FeedWatch:
    """The requests and streams of this process that wait for a change. They hold no database connection meanwhile."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._watchers = self._waiting = self._places = 0
        self._poller: threading.Thread | None = None
        self.has_ended = False
        # The last change of all resources; that of each, if it came after `_floor`, where the look at them began.
        self._last = self._floor = START
        self._last_of: dict[str, Position] = {}

    def open(self, settings: Settings) -> None:
        """Take the number of threads from the settings."""
        self._places, self.has_ended = settings.threads // SHARE_OF_THREADS, False

    def end_waits(self) -> None:
        """End all waits at once, and let nobody wait any more: the server stops."""
        with self._condition:
            self.has_ended = True
            self._condition.notify_all()

    @contextmanager
    def place(self) -> Iterator[bool]:
        """Take one of the places for requests that wait, for a block; yield False if none is free."""
        with self._condition:
            has_place = self._waiting < self._places and not self.has_ended
            self._waiting += has_place
        try:
            with self.watching():
                yield has_place
        finally:
            with self._condition:
                self._waiting -= has_place

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Keep looking at the feed for a block, in which wait() may be called."""
        with self._condition:
            self._watchers += 1
        try:
            yield
        finally:
            with self._condition:
                self._watchers -= 1

    def wait(
        self, resources: Collection[str], last: Position, deadline: float, is_gone: Callable[[], bool]
    ) -> Position | None:
        """Wait until a change of one of these resources comes after `last`: a result of this, or of read_last().

        Wait at most until `deadline`, a reading of time.monotonic(), and no longer than the client is there. Return the
        Position up to which the feed was looked at; None without a change.
        """
        while True:
            with self._condition:
                self._start_polling()
                seconds = min(deadline - time.monotonic(), GONE_POLL_SECONDS)
                self._condition.wait_for(lambda: self._has_come(resources, last) or self.has_ended, max(seconds, 0))
                if self.has_ended:
                    return None
                if self._has_come(resources, last):
                    return self._last
            if time.monotonic() >= deadline or is_gone():
                return None

    def pause(self, seconds: float) -> None:
        """Wait for so many seconds, less if the server stops."""
        with self._condition:
            self._condition.wait_for(lambda: self.has_ended, max(seconds, 0))

    def _has_come(self, resources: Collection[str], last: Position) -> bool:
        return self._floor > last or any(self._last_of.get(name, START) > last for name in resources)

    def _start_polling(self) -> None:
        if self._poller is None or not self._poller.is_alive():  # also if it has failed
            self._poller = threading.Thread(target=self._poll, name="feed", daemon=True)
            self._poller.start()

    def _poll(self) -> None:
        self._look(is_first=True)
        while True:
            with self._condition:
                if not self._watchers or self.has_ended:
                    self._poller = None
                    self._last, self._floor, self._last_of = START, START, {}  # the next database may have others
                    return
            time.sleep(POLL_SECONDS)
            self._look(is_first=False)

    def _look(self, *, is_first: bool) -> None:
        """Look at the feed, and wake those who wait for what has come."""
        try:
            with connected():
                last = read_last()
                # A restored database begins again, with lower numbers.
                changed = None if is_first or last < self._last else read_changed(self._last)
        except DATABASE_ERRORS:  # those who wait find it out themselves
            return
        with self._condition:
            if changed is None:
                self._last_of, self._floor = {}, last
            else:
                self._last_of.update(dict.fromkeys(changed, last))
            self._last = last
            if changed is None or changed:
                self._condition.notify_all()


feed_watch = FeedWatch()
