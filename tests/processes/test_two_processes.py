"""Two server processes on one database: what one changes, the other knows at its very next request."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.conftest import PASSWORD, SECRET_KEY, database_copy
from tests.helpers import READABLE
from tests.parts.server import Caller, running_servers

TITLES = ["Milk", "Bread", "Salt"]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def addresses(request, tmp_path_factory):
    """The addresses of the two processes; starting them takes longer than any test here, so all tests share them."""
    folder = tmp_path_factory.mktemp("processes")
    settings = {"secret_key": SECRET_KEY, "log_level": "WARNING", "reuse_port": False}
    with (
        database_copy(request, request.getfixturevalue(f"{request.param}_template"), folder) as url,
        running_servers(folder, count=2, database_url=url, **settings) as addresses,
    ):
        yield addresses


@pytest.fixture
def admins(addresses):
    """The admin, signed in at each process."""
    with Caller(addresses[0]) as one, Caller(addresses[1]) as other:
        yield [admin.sign_in("admin@example.com", PASSWORD) for admin in (one, other)]


def stock(admin, name):
    """Declare a public resource and put the titles into it."""
    declare(admin, name)
    for title in TITLES:
        assert admin.call("POST", f"/{name}", {"title": title})[0] == 201


def declare(admin, name):
    fields = {"title": {"type": "string", "required": True}}
    status, answer = admin.call("POST", "/resources", {"name": name, "fields": fields, "access": READABLE})
    assert status == 201, answer


@contextmanager
def steady_load(addresses):
    """Read `/staples` from two threads a process while the block runs."""
    stop, begun = threading.Event(), threading.Barrier(2 * len(addresses) + 1)
    with ThreadPoolExecutor(2 * len(addresses)) as pool:
        readers = [pool.submit(read_until, stop, begun, address) for address in addresses * 2]
        try:
            begun.wait(60)
            yield
        finally:
            stop.set()
        for reader in readers:
            reader.result()


def read_until(stop, begun, address):
    """Read the list over one connection; every answer has to be the right one."""
    with Caller(address) as reader:
        read(reader)
        begun.wait(60)
        while not stop.is_set():
            read(reader)


def read(reader):
    status, answer = reader.call("GET", "/staples?fields=title&sort=id")
    assert (status, answer["data"]) == (200, [{"title": title} for title in TITLES])
    assert answer["meta"]["total"] == len(TITLES)


def test_a_new_resource_answers_at_the_other_process_and_no_request_fails(addresses, admins):
    stock(admins[0], "staples")
    with steady_load(addresses):
        for number in range(10):
            one, other = admins if number % 2 else admins[::-1]
            declare(one, f"shelf{number}")
            status, made = other.call("POST", f"/shelf{number}", {"title": "Jam"})
            assert status == 201
            status, found = other.call("GET", f"/shelf{number}/{made['data']['id']}")
            assert (status, found["data"]) == (200, made["data"])


def test_a_new_field_is_there_at_the_other_process(admins):
    stock(admins[0], "spices")
    fields = {"title": {"type": "string", "required": True}, "price": {"type": "integer", "default": 7}}
    assert admins[0].call("PUT", "/resources/spices", {"fields": fields, "access": READABLE})[0] == 200
    status, answer = admins[1].call("GET", "/spices?price=7&fields=title,price&sort=id")
    assert status == 200
    assert answer["data"] == [{"title": title, "price": 7} for title in TITLES]


def test_a_dropped_resource_is_missing_at_the_other_process(admins):
    stock(admins[0], "sweets")
    assert admins[1].call("GET", "/sweets")[0] == 200
    assert admins[0].call("DELETE", "/resources/sweets?confirm=true")[0] == 200
    assert admins[1].call("GET", "/sweets")[0] == 404


def test_kept_responses_are_never_older_than_what_was_acknowledged(addresses, admins):
    fields, access = {"number": {"type": "integer"}}, READABLE
    definition = {"name": "counters", "fields": fields, "access": access, "cache_seconds": 60}
    assert admins[0].call("POST", "/resources", definition)[0] == 201
    record = admins[0].call("POST", "/counters", {"number": 0})[1]["data"]["id"]
    acknowledged, stop, begun = [0], threading.Event(), threading.Barrier(5)

    def read(address):
        """Read the list and the record until the last write."""
        with Caller(address) as reader:
            begun.wait(60)
            while not stop.is_set():
                for path in ("/counters", f"/counters/{record}"):
                    least = acknowledged[0]
                    status, answer = reader.call("GET", path)
                    data = answer["data"][0] if path == "/counters" else answer["data"]
                    assert (status, data["number"] >= least) == (200, True), (path, data["number"], least)

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read, address) for address in addresses * 2]
        try:
            begun.wait(60)
            for number in range(1, 61):
                changed = admins[number % 2].call("PATCH", f"/counters/{record}", {"number": number})
                assert changed[0] == 200
                acknowledged[0] = number
        finally:
            stop.set()
        for reader in readers:
            reader.result()


def test_a_session_ended_at_one_process_is_refused_by_the_other(addresses, admins):
    with Caller(addresses[1], admins[0].token) as there:
        assert there.call("GET", "/auth/me")[0] == 200
        assert admins[0].call("POST", "/auth/logout")[0] == 200
        assert there.call("GET", "/auth/me")[0] == 401


def test_a_device_signed_out_from_another_is_refused_at_once_by_every_process(addresses):
    with Caller(addresses[0]) as phone, Caller(addresses[1]) as laptop:
        for device in (phone, laptop):
            device.sign_in("alice@example.com", PASSWORD)
        listed = laptop.call("GET", "/auth/sessions")[1]["data"]
        (other,) = [session["id"] for session in listed if not session["current"]]
        assert phone.call("GET", "/auth/me")[0] == 200
        assert laptop.call("DELETE", f"/auth/sessions/{other}")[0] == 200
        assert phone.call("GET", "/auth/me")[0] == 401
        with Caller(addresses[1], phone.token) as phone_elsewhere:
            assert phone_elsewhere.call("GET", "/auth/me")[0] == 401
        assert laptop.call("GET", "/auth/me")[0] == 200


def test_a_password_change_at_one_process_counts_at_the_other(addresses):
    changed = {"current_password": PASSWORD, "new_password": "staple battery horse correct"}
    with Caller(addresses[0]) as phone, Caller(addresses[1]) as laptop:
        for device in (phone, laptop):
            device.sign_in("bob@example.com", PASSWORD)
        assert laptop.call("POST", "/auth/password", changed)[0] == 200
        assert phone.call("GET", "/auth/me")[0] == 401


def test_roles_and_deactivation_at_one_process_count_at_the_other(addresses, admins):
    with Caller(addresses[1]) as there:
        there.sign_in("edith@example.com", PASSWORD)
        edith = there.call("GET", "/auth/me")[1]["data"]["id"]
        assert admins[0].call("PATCH", f"/users/{edith}", {"roles": ["admin"]})[0] == 200
        assert there.call("GET", "/users")[0] == 200
        assert admins[0].call("PATCH", f"/users/{edith}", {"roles": []})[0] == 200
        assert there.call("GET", "/users")[0] == 403
        assert admins[0].call("PATCH", f"/users/{edith}", {"active": False})[0] == 200
        assert there.call("GET", "/auth/me")[0] == 401


def test_numbers_are_given_once_by_both_processes(addresses, admins):
    definition = {"name": "bills", "fields": {"number": {"type": "sequence"}}, "access": READABLE}
    assert admins[0].call("POST", "/resources", definition)[0] == 201
    token, begun = admins[0].token, threading.Barrier(8)
    with ThreadPoolExecutor(8) as pool:
        made = [pool.submit(create_bills, address, token, begun) for address in addresses * 4]
        numbers = [number for each in made for number in each.result()]
    assert sorted(numbers) == [*range(1, 8 * 12 + 1)]
    for each in made:
        assert each.result() == sorted(each.result())


def create_bills(address, token, begun):
    """Create twelve bills, with and without batches; return their numbers."""
    operation = {"op": "create", "resource": "bills", "data": {}}
    with Caller(address, token) as person:
        begun.wait(60)
        numbers = []
        for _ in range(4):
            status, answer = person.call("POST", "/bills", {})
            assert status == 201, answer
            numbers.append(answer["data"]["number"])
            status, answer = person.call("POST", "/batch", {"operations": [operation] * 2})
            assert status == 200, answer
            numbers += [each["data"]["number"] for each in answer["data"]]
        return numbers


UPSERTERS, ROUNDS = 8, 12


def test_concurrent_upserts_create_one_record_and_lose_no_change(addresses, admins):
    fields = {f"n{number}": {"type": "integer"} for number in range(UPSERTERS)}
    fields["code"] = {"type": "string", "unique": True}
    assert admins[0].call("POST", "/resources", {"name": "items", "fields": fields})[0] == 201
    begun = threading.Barrier(UPSERTERS)

    def upsert_all(number):
        with Caller(addresses[number % 2], admins[0].token) as caller:
            return [upsert(caller, number, f"code {turn}") for turn in range(ROUNDS) if begun.wait(60) >= 0]

    def upsert(caller, number, code):
        """Upsert by a single request or in a batch; return (status, whether the record is new)."""
        data = {"code": code, f"n{number}": number}
        if number % 4 < 2:
            status, _ = caller.call("POST", "/items?upsert=code", data)
            return status, status == 201
        operation = {"op": "upsert", "resource": "items", "key": "code", "data": data}
        status, answer = caller.call("POST", "/batch", {"operations": [operation]})
        return status, answer["data"][0]["created"]

    with ThreadPoolExecutor(UPSERTERS) as threads:
        turns = list(zip(*threads.map(upsert_all, range(UPSERTERS)), strict=True))
    assert {status for turn in turns for status, _ in turn} <= {200, 201}
    assert [sum(is_new for _, is_new in turn) for turn in turns] == [1] * ROUNDS
    records = admins[0].call("GET", "/items")[1]["data"]
    written = {f"n{number}": number for number in range(UPSERTERS)}
    assert [record | written | {"version": UPSERTERS} for record in records] == records
    assert len(records) == ROUNDS
