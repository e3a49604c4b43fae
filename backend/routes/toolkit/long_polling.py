"""Long polling: a request that finds no changes waits, and is answered when there are some."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from flask import request

from backend.middleware.app import get_app
from backend.middleware.waiting import continue_request, is_gone
from backend.models.database import database
from backend.services.errors import LarderError
from backend.services.records.changes import ChangePage
from backend.services.storage.feed_reading import read_last
from backend.services.storage.feed_watch import feed_watch


class Waited(NamedTuple):
    """A page of changes; `is_refused` says that the request could not wait, because too many others do."""

    page: ChangePage
    is_refused: bool = False


def wait_for_changes(
    resources: Sequence[str], read: Callable[[str | None], ChangePage], after: str, seconds: float
) -> Waited:
    """Return the page that `read(after)` returns; if it has no changes, wait for some, at most so many seconds.

    Meanwhile the request has no database connection. Before the next page, the caller is identified again. If they may
    not read it any more, the error is raised when the time is over: earlier, it would show that somebody has written.
    """
    deadline, last = time.monotonic() + seconds, read_last()
    page = read(after)
    if page.items or page.more:
        return Waited(page)
    with feed_watch.place() as has_place:
        if not has_place:
            return Waited(page, is_refused=True)
        is_waiting = True
        while is_waiting and not (page.items or page.more):
            database.close()
            come = feed_watch.wait(resources, last, deadline, partial(is_gone, request.environ))
            is_waiting, last = come is not None, come or last
            try:
                page = continue_request(get_app(), request.environ, partial(read, page.cursor))
            except LarderError:
                if not is_waiting:
                    raise
    return Waited(page)
