"""Sends each read of a test through Flask, too, and compares: what is read without Flask must be the same."""

import logging
import re

from backend.middleware.dispatcher import Dispatcher
from backend.middleware.paths import API
from backend.middleware.request_log import ROUTE
from backend.routes.toolkit.app import FAILURE
from backend.services.errors import LarderError
from backend.utils.meter import meter
from backend.utils.nearest import SEARCHES_OF_A_REQUEST, searches_left

MOMENT = re.compile(rb'"timestamp":"[^"]+"|"changes_cursor": ?"[^"]+"')
DIRECT_PATH = re.compile(rf"{API}/[a-z][a-z0-9_]*(?:/[0-9a-f-]{{36}})?")
DIRECT_ROUTE = re.compile(rf"{API}/[a-z][a-z0-9_]*(?:/<uuid:record_id>)?")
IS_ON = True  # off in tests that count or break statements
TRIES = 3  # another thread of a test may write between the two reads


def compare_both_ways(patch):
    """Compare each read of all apps, until `patch` is undone."""
    choose = Dispatcher._choose

    def choose_and_compare(self, environ):
        chosen = choose(self, environ)
        if not IS_ON:
            return chosen
        if chosen is self._flask:
            return lambda *arguments: _through_flask_alone(self, *arguments)
        if environ["REQUEST_METHOD"] != "GET":  # a write cannot be repeated: see tests/records/test_direct_writes.py
            return chosen
        for left in reversed(range(TRIES)):
            if _is_direct(chosen) and (pair := _both(self, chosen, environ)) and pair[0] != pair[1]:
                assert left, pair
                chosen = choose(self, environ)
        return chosen

    patch.setattr(Dispatcher, "_choose", choose_and_compare)


def _is_direct(chosen):
    return hasattr(chosen, "_fields")


def _both(dispatcher, answer, environ):
    """Return (status, headers, body, route) of the answer, and of Flask's response to the same request."""
    copy, before, statements = {**environ, ROUTE: None}, (meter.seconds, meter.statements), logging.getLogger("peewee")
    statements.disabled = True  # tests count those of the first way
    pair = [_called(answer, environ), _called(dispatcher._flask, copy)]
    meter.seconds, meter.statements = before
    statements.disabled = False
    return [(*each, route) for each, route in zip(pair, (environ[ROUTE], copy[ROUTE]), strict=True)]


def _called(app, environ):
    started = []
    body = b"".join(app(environ, lambda status, headers, _=None: started.extend([status, headers])))
    status, headers = started
    return status, sorted((name.title(), value) for name, value in headers), MOMENT.sub(b"", body)


def _through_flask_alone(dispatcher, environ, start_response):
    """Answer a request with Flask; fail if it is a read that succeeds, or fails in a different way without Flask."""
    error = environ.get(FAILURE)
    if environ["REQUEST_METHOD"] == "GET" and isinstance(error, LarderError):
        searches_left.set(SEARCHES_OF_A_REQUEST)  # for the names in the second error
        pair = [_called(dispatcher._flask, {**environ, FAILURE: each}) for each in (error, None)]
        assert pair[0] == pair[1]

    def start(status, headers, *more):
        is_read = environ["REQUEST_METHOD"] == "GET" and DIRECT_PATH.fullmatch(environ["PATH_INFO"])
        if is_read and status[:3] in ("200", "304") and DIRECT_ROUTE.fullmatch(environ.get(ROUTE) or ""):
            resource = dispatcher._app.catalog_of(environ).get(environ["PATH_INFO"].split("/")[3])
            assert resource is None, f"{environ['PATH_INFO']} was not read without Flask"
        return start_response(status, headers, *more)

    return dispatcher._flask(environ, start)
