"""Lanes: separate groups of threads for health checks, exports, streams, and for all other requests."""

import time
from typing import Any, Protocol

from waitress.task import ThreadedTaskDispatcher

from backend.middleware.paths import API, LIVENESS_PATH, STREAM_PATH

EXPORT_THREADS = 2
EXPORT_PATH_END = "/export"
REFUSING_THREADS = 2  # answer requests for streams when all streams are in use


class QueuedChannel(Protocol):
    """A connection with a request to work on."""

    queued_at: float
    requests: list[Any]


class Lanes:
    """The threads of the server.

    One thread answers nothing but `/health/live` and requests that the server refuses, so that these never wait for
    others. Exports and streams take long: they have threads of their own, and the other threads stay free.
    """

    def __init__(self, threads: int, streams: int) -> None:
        self.workers, self.live, self.exports = _threads(threads), _threads(1), _threads(EXPORT_THREADS)
        self.streams = _threads(streams + REFUSING_THREADS) if streams else self.workers

    def add_task(self, channel: QueuedChannel) -> None:
        """Queue the first request of a connection for a worker."""
        channel.queued_at = time.monotonic()
        request = channel.requests[0]
        if request.error or is_liveness(request):
            self.live.add_task(channel)
        elif _is_export(request):
            self.exports.add_task(channel)
        elif _path(request) == STREAM_PATH:
            self.streams.add_task(channel)
        else:
            self.workers.add_task(channel)

    def shutdown(self) -> None:
        """End the threads; wait some seconds for running requests."""
        for lane, seconds in ((self.streams, 1), (self.exports, 1), (self.workers, 5), (self.live, 1)):
            lane.shutdown(timeout=seconds)


def is_liveness(request: object) -> bool:
    """Return whether a request is for `/health/live`."""
    return _path(request) == LIVENESS_PATH


def _is_export(request: object) -> bool:
    path = _path(request)
    return path.startswith(f"{API}/") and path.endswith(EXPORT_PATH_END)


def _path(request: object) -> str:
    """Return the path as the app will see it; `/` if the head could not be read."""
    return "/" + getattr(request, "path", "").lstrip("/")


def _threads(count: int) -> ThreadedTaskDispatcher:
    dispatcher = ThreadedTaskDispatcher()
    dispatcher.set_thread_count(count)
    return dispatcher
