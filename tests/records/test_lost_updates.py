"""Many clients at one record, through a real server: nobody's change gets lost, and nothing is made twice."""

import itertools
import os
import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import PASSWORD, SECRET_KEY, database_copy
from tests.parts.server import Caller, running_server

CLIENTS = int(os.environ.get("LARDER_TEST_CLIENTS", "80"))  # the long form has 200
KEYS = 20


@pytest.fixture(params=["sqlite", "postgres"])
def server(request, tmp_path):
    """The address of a server, and the admin's token."""
    settings = {"secret_key": SECRET_KEY, "log_level": "WARNING", "database_timeout_seconds": 60}
    with (
        database_copy(request, request.getfixturevalue(f"{request.param}_template"), tmp_path) as url,
        running_server(tmp_path, database_url=url, **settings) as address,
        Caller(address) as admin,
    ):
        yield address, admin.sign_in("admin@example.com", PASSWORD).token


def at_once(server, work):
    """Run `work(caller, number)` for every client in a thread of its own; return the results."""

    def run(number):
        with Caller(*server) as caller:
            return work(caller, number)

    with ThreadPoolExecutor(CLIENTS) as threads:
        return list(threads.map(run, range(CLIENTS)))


def declare(server, name, fields):
    with Caller(*server) as admin:
        assert admin.call("POST", "/resources", {"name": name, "fields": fields})[0] == 201


def test_no_concurrent_increment_is_lost(server):
    declare(server, "counters", {"hits": {"type": "integer"}})
    with Caller(*server) as admin:
        path = f"/counters/{admin.call('POST', '/counters', {'hits': 1000})[1]['data']['id']}"

    def count_one_more(caller, _):
        for attempt in itertools.count():
            record = caller.call("GET", path)[1]["data"]
            etag = {"If-Match": f'"{record["version"]}"'}
            status, answer = caller.call("PATCH", path, {"hits": record["hits"] + 1}, headers=etag)
            if status == 200:
                return
            assert status == 412, answer
            # Without a wait that grows and differs, each success would make everybody else fail once more.
            time.sleep(random.random() * min(2, 0.2 * 2**attempt))

    at_once(server, count_one_more)
    with Caller(*server) as admin:
        record = admin.call("GET", path)[1]["data"]
    assert (record["hits"], record["version"]) == (1000 + CLIENTS, 1 + CLIENTS)


def test_many_requests_under_a_few_keys_make_a_few_records(server):
    declare(server, "orders", {"number": {"type": "integer"}})

    def order(caller, number):
        key = {"Idempotency-Key": f"order-{number % KEYS}"}
        status, answer = caller.call("POST", "/orders", {"number": number % KEYS}, headers=key)
        assert status == 201, answer
        return answer["data"]["id"]

    ids = at_once(server, order)
    assert [len({*ids[number::KEYS]}) for number in range(KEYS)] == [1] * KEYS
    with Caller(*server) as admin:
        assert admin.call("GET", "/orders?per_page=1")[1]["meta"]["total"] == KEYS
