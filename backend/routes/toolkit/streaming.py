"""Streams of changes as server-sent events: what a client has not seen yet, then each change as it is committed."""

import json
import threading
import time
from collections.abc import Iterator
from functools import partial
from wsgiref.types import WSGIEnvironment

import structlog
from flask import Response, request
from werkzeug.exceptions import TooManyRequests

from backend.middleware import timing
from backend.middleware.app import App, get_app
from backend.middleware.authentication import IDENTITY, actor_of, current_actor
from backend.middleware.errors import end_of_stream
from backend.middleware.request_id import request_id
from backend.middleware.waiting import closed_because, continue_request, is_gone, unsent_bytes
from backend.services.access.actors import Actor
from backend.services.errors import Expired, LarderError, Unauthenticated
from backend.services.operation.metrics import metrics
from backend.services.operation.open_streams import MAX_OF_AN_ACTOR, open_streams
from backend.services.records.changes import ChangePage, ChangeQuery, ListedChange, list_changes
from backend.services.storage.feed_reading import Position, read_last
from backend.services.storage.feed_watch import feed_watch
from backend.utils.addresses import subscriber

BEAT_SECONDS = 15  # between two signs of life; at each the caller is identified again
LIFE_SECONDS = 30 * 60
RETRY_MILLISECONDS = 3000  # until a browser connects again
MAX_CHANGES_AT_ONCE = 500
MAX_BYTES_AT_ONCE = 256 << 10  # of their records: each of some hundred slow clients may have as much waiting
MAX_UNSENT_BYTES = 64 << 10  # until a slow client has taken them, no more changes are read for it
SLOW_POLL_SECONDS = 0.2
READS_AT_ONCE = 4  # of all streams, which one change may wake together: other requests need connections, too
HEADERS = {"X-Accel-Buffering": "no"}  # nginx would keep events back until a buffer is full
MIMETYPE = "text/event-stream"
CLIENT_LEFT = "client left"
TOO_MANY = f"You have {MAX_OF_AN_ACTOR} open streams of changes already; end one of them first."

log = structlog.get_logger()
_reads = threading.BoundedSemaphore(READS_AT_ONCE)


def stream_response(query: ChangeQuery) -> Response:
    """Return the response that sends changes until the client leaves, or may not read them any more.

    Raises what list_changes() raises, Unavailable if no stream is free, TooManyRequests if the caller has too many.
    """
    open_streams.require_places()
    actor, last = current_actor(), read_last()
    page = list_changes(actor, get_app().catalog, query)
    if request.method == "HEAD":
        return Response(iter(()), mimetype=MIMETYPE, headers=HEADERS)
    reader = actor.user_id or subscriber(request.remote_addr or "")
    if not open_streams.add(reader):
        metrics.count_refusal("streams")
        raise TooManyRequests(TOO_MANY)
    stream = Stream(get_app(), request.environ, actor, query)
    response = Response(stream.parts(page, last), mimetype=MIMETYPE, headers=HEADERS)
    response.call_on_close(partial(stream.end, reader))
    return response


class Stream:
    """A stream of changes to one client. It runs after its request has ended, without a database connection."""

    def __init__(self, app: App, environ: WSGIEnvironment, actor: Actor, query: ChangeQuery) -> None:
        self._app, self._environ, self._actor, self._query = app, environ, actor, query
        self._began_at, self._events = time.monotonic(), 0
        self._ends_at = self._began_at + LIFE_SECONDS
        self._reason: str | None = None  # of its end, unless its connection ends before it

    def parts(self, page: ChangePage, last: Position) -> Iterator[bytes]:
        """Yield the stream: a page that was read after read_last() has returned `last`, then what comes."""
        # With the cursor of its end, a client that has not received the page yet would miss it.
        yield f"retry: {RETRY_MILLISECONDS}\n{'' if page.items else _beat(page.cursor)}".encode()
        with feed_watch.watching():
            try:
                yield from self._follow(page, last)
            except Exception as error:  # noqa: BLE001  # it is reported, and the client and the log get the reason
                yield self._failure(error)

    def end(self, reader: str) -> None:
        """Free the place of the stream; log and count its end."""
        open_streams.remove(reader)
        reason = self._reason or closed_because(self._environ) or CLIENT_LEFT
        metrics.count_stream_end(reason)
        log.info(
            "stream ended",
            request_id=request_id(self._environ),
            reason=reason,
            resources=[*self._query.resources],
            seconds=round(time.monotonic() - self._began_at, 1),
            events=self._events,
            actor=self._actor.user_id,
            address=self._environ.get("REMOTE_ADDR"),
        )

    def _failure(self, error: Exception) -> bytes:
        content = end_of_stream(error, request_id(self._environ))
        self._reason = content["code"].lower()
        event = "expired" if isinstance(error, Expired) else "end"
        return f"event: {event}\ndata: {json.dumps(content)}\n\n".encode()

    def _follow(self, page: ChangePage, last: Position) -> Iterator[bytes]:
        beat_at = time.monotonic() + BEAT_SECONDS
        while True:
            if page.items:
                self._events += len(page.items)
                yield b"".join(map(_event, page.items))
                page.items.clear()  # a slow client may keep this page for long
                beat_at = time.monotonic() + BEAT_SECONDS
            elif time.monotonic() >= beat_at:
                # Not earlier: the time would tell when something was changed that the caller may not see.
                yield _beat(page.cursor).encode()
                beat_at = time.monotonic() + BEAT_SECONDS
            if not self._can_go_on():
                return
            if not page.more:
                last = self._wait(last, beat_at)
            try:
                page = self._read(page.cursor)
            except LarderError:
                feed_watch.pause(beat_at - time.monotonic())  # earlier, the end would tell of hidden changes, too
                raise

    def _wait(self, last: Position, until: float) -> Position:
        # Not beyond the end of its life: the next change would end the stream, also one that the caller may not see.
        until = min(until, self._ends_at)
        return feed_watch.wait(self._query.resources, last, until, partial(is_gone, self._environ)) or last

    def _can_go_on(self) -> bool:
        """Return whether the stream goes on, when the client has taken most of what was sent."""
        while not (is_gone(self._environ) or self._is_over()):
            if unsent_bytes(self._environ) <= MAX_UNSENT_BYTES:
                return True
            feed_watch.pause(SLOW_POLL_SECONDS)
        return False

    def _is_over(self) -> bool:
        if feed_watch.has_ended:
            self._reason = "server stops"
        elif time.monotonic() >= self._ends_at:
            self._reason = "lifetime"
        return self._reason is not None

    def _read(self, after: str) -> ChangePage:
        """Return the next changes that the caller may see now. Raises Unauthenticated if their session has ended."""
        with _reads:
            timing.begin(self._environ)
            try:
                return continue_request(self._app, self._environ, partial(self._list, after))
            finally:
                timing.end()

    def _list(self, after: str) -> ChangePage:
        actor = actor_of(self._environ[IDENTITY])
        if actor.user_id != self._actor.user_id:  # a cookie that is not valid any more is ignored elsewhere
            raise Unauthenticated("The session has ended; sign in again.")
        return list_changes(actor, self._app.catalog_of(self._environ), self._query._replace(after=after))


def _event(change: ListedChange) -> bytes:
    # A line end would end `data`; between the values of JSON, a space is as good.
    content = change.json.replace("\n", " ").replace("\r", " ")
    return f"id: {change.cursor}\nevent: change\ndata: {content}\n\n".encode()


def _beat(cursor: str) -> str:
    """Return a comment, and the cursor without an event: the client continues after it."""
    return f":\nid: {cursor}\n\n"
