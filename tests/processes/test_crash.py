"""A server that is killed while a definition changes: afterwards there is the old one or the new one, and every row.

`CRASHES=30 make test ARGS=tests/processes/test_crash.py` kills more often than the few times of every run.
"""

import http.client
import os
import random
import threading
import time

import pytest

from tests.conftest import PASSWORD, SECRET_KEY, database_copy
from tests.parts.server import Caller, doomed_server, running_server

CRASHES = int(os.environ.get("CRASHES", "2"))
ROWS = int(os.environ.get("CRASH_ROWS", "10000" if "CRASHES" in os.environ else "2000"))
# Back and forth between the two every value is converted, a field renamed, an index dropped, a constraint made.
NUMBERS = {
    "fields": {
        "code": {"type": "integer", "required": True, "unique": True},
        "label": {"type": "string", "index": True, "renamed_from": "title"},
    }
}
TEXTS = {
    "fields": {
        "code": {"type": "string", "required": True, "max_length": 10},
        "title": {"type": "string", "renamed_from": "label"},
    }
}


@pytest.fixture(params=["sqlite", "postgres"])
def url(request, tmp_path):
    """The URL of a database with the people in it."""
    with database_copy(request, request.getfixturevalue(f"{request.param}_template"), tmp_path) as url:
        yield url


def fill(caller):
    """Declare the resource, with records from 1 on."""
    fields = NUMBERS["fields"] | {"label": {"type": "string", "index": True}}
    assert caller.call("POST", "/resources", {"name": "tins", "fields": fields})[0] == 201
    for start in range(1, ROWS + 1, 100):
        rows = range(start, min(start + 100, ROWS + 1))
        operations = [
            {"op": "create", "resource": "tins", "data": {"code": code, "label": f"Tin {code}"}} for code in rows
        ]
        status, answer = caller.call("POST", "/batch", {"operations": operations})
        assert status == 200, answer


def read(caller):
    """Return the fields of the definition in force, and (code, name) of every record."""
    fields = [*caller.call("GET", "/resources/tins")[1]["data"]["fields"]]
    found, cursor = [], None
    while True:
        after = f"&cursor={cursor}" if cursor else "&count=false"
        answer = caller.call("GET", f"/tins?per_page=200&sort=id{after}")[1]
        found += [(int(row["code"]), row[fields[1]]) for row in answer["data"]]
        cursor = answer["meta"]["next_cursor"]
        if cursor is None:
            return fields, found


def change(caller):
    """Change the definition to the other one, and return how many seconds that took."""
    fields = caller.call("GET", "/resources/tins")[1]["data"]["fields"]
    began = time.monotonic()
    assert caller.call("PUT", "/resources/tins", TEXTS if "label" in fields else NUMBERS)[0] == 200
    return time.monotonic() - began


def test_whenever_it_is_killed_there_is_a_definition_and_every_row(url, tmp_path):
    settings = {"database_url": url, "secret_key": SECRET_KEY, "log_level": "WARNING"}
    everything = [(code, f"Tin {code}") for code in range(1, ROWS + 1)]
    with running_server(tmp_path, **settings) as address, Caller(address) as caller:
        caller.sign_in("admin@example.com", PASSWORD)
        fill(caller)
        longest = 1.3 * max(change(caller), change(caller))
    for _ in range(CRASHES):
        with doomed_server(tmp_path, **settings) as (address, process), Caller(address) as caller:
            caller.sign_in("admin@example.com", PASSWORD)
            timer = threading.Timer(random.uniform(0, longest), process.kill)
            timer.start()
            try:
                while True:
                    change(caller)
            except (OSError, http.client.HTTPException):
                pass  # killed before it could answer
            timer.join()
            process.wait()
        with running_server(tmp_path, **settings) as address, Caller(address) as caller:
            caller.sign_in("admin@example.com", PASSWORD)
            fields, rows = read(caller)
            assert fields in ([*NUMBERS["fields"]], [*TEXTS["fields"]])
            assert sorted(rows) == everything
            change(caller)
