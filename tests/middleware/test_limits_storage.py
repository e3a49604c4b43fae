"""Where limits are counted: in a file for the processes of a VM, in Redis for several machines, and when both fail."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import pytest
import redis

from backend import create_app
from backend.middleware import limit_fallback, limit_storage
from backend.middleware.limit_storage import SqliteStorage
from backend.models.database import database
from tests.conftest import ON_SQLITE, Person
from tests.parts.redis import running_redis
from tests.parts.server import Caller, running_servers

LIMIT = {"rate_limit_auth": "3/minute"}


@pytest.fixture
def limited(settings, monkeypatch):
    """A function that returns somebody at an app of its own, as in another process, with these settings."""
    monkeypatch.setitem(limit_fallback.REDIS_OPTIONS, "socket_timeout", 60)
    monkeypatch.setitem(limit_fallback.REDIS_OPTIONS, "socket_connect_timeout", 60)
    yield lambda **changes: Person(create_app(replace(settings, **LIMIT | changes)))
    database.close_all()


@pytest.fixture
def no_pause(monkeypatch):
    """Ask a storage that has failed again at once."""
    monkeypatch.setattr(limit_fallback, "PAUSE_SECONDS", 0)


def guess(person):
    return person.post("/auth/login", json={"email": "alice@example.com", "password": "wrong horse"}).status_code


def guesses(person, count):
    return [guess(person) for _ in range(count)]


def test_counts_add_up_across_handles(tmp_path):
    began = time.time()
    one, other = SqliteStorage(f"sqlite://{tmp_path}/limits.db"), SqliteStorage(f"sqlite://{tmp_path}/limits.db")
    assert [one.incr("a", 60), other.incr("a", 60, 5), one.incr("b", 60), one.incr("a", 60)] == [1, 6, 1, 7]
    assert (other.get("a"), other.get("c")) == (7, 0)
    assert began + 60 <= other.get_expiry("a") <= time.time() + 60


@pytest.fixture
def clock(monkeypatch):
    """The time of day, which passes only when a test says so."""
    clock = SimpleNamespace(now=time.time(), time=lambda: clock.now)
    monkeypatch.setattr(limit_storage, "time", clock)
    return clock


def test_a_window_ends_and_begins_anew(tmp_path, clock):
    storage = SqliteStorage(f"sqlite://{tmp_path}/limits.db")
    assert [storage.incr("a", 1), storage.incr("a", 1)] == [1, 2]
    clock.now += 1.01
    assert storage.get("a") == 0
    assert storage.incr("a", 60) == 1


def test_a_window_begun_while_the_clock_was_wrong_does_not_last(tmp_path):
    storage = SqliteStorage(f"sqlite://{tmp_path}/limits.db")
    storage.incr("a", 10**9)
    assert storage.incr("a", 60) == 1


def test_forgets_what_has_passed(tmp_path, clock):
    storage = SqliteStorage(f"sqlite://{tmp_path}/limits.db")
    storage.incr("a", 1)
    clock.now += 1.01
    SqliteStorage(f"sqlite://{tmp_path}/limits.db").incr("b", 60)  # a process purges with its first hit
    rows = storage._execute("SELECT group_concat(key) FROM counts")
    assert rows == ("b",)


def test_loses_no_hit_of_many_threads(tmp_path, monkeypatch):
    monkeypatch.setattr(limit_storage, "BUSY_SECONDS", 60)
    storages = [SqliteStorage(f"sqlite://{tmp_path}/limits.db") for _ in range(2)]
    with ThreadPoolExecutor(8) as threads:
        counts = list(threads.map(lambda number: storages[number % 2].incr("a", 60), range(400)))
    assert sorted(counts) == list(range(1, 401))


def test_can_be_cleared(tmp_path):
    storage = SqliteStorage(f"sqlite://{tmp_path}/limits.db")
    storage.incr("a", 60)
    storage.incr("b", 60)
    storage.clear("a")
    assert (storage.check(), storage.get("a"), storage.get("b")) == (True, 0, 1)
    storage.reset()
    assert storage.get("b") == 0


def test_two_processes_share_one_count(tmp_path):
    with running_servers(tmp_path, count=2, **LIMIT) as addresses:
        with Caller(addresses[0]) as one, Caller(addresses[1]) as other:
            body = {"email": "alice@example.com", "password": "wrong horse"}
            calls = [caller.call("POST", "/auth/login", body)[0] for caller in (one, other, one, other)]
    assert calls == [401, 401, 401, 429]


@ON_SQLITE
def test_redis_is_shared_by_all(limited, tmp_path):
    with running_redis(tmp_path) as (_, url):
        assert guesses(limited(redis_url=url), 2) == [401, 401]
        assert guesses(limited(redis_url=url, data_dir=tmp_path / "another"), 2) == [401, 429]
        with redis.from_url(url) as client:
            keys = client.keys()
            assert all(key.startswith(b"larder") and 0 < client.ttl(key) <= 60 for key in keys), keys


@ON_SQLITE
def test_without_redis_people_can_sign_in_and_guesses_are_limited(limited, tmp_path, read_lines):
    with running_redis(tmp_path) as (process, url):
        person = limited(redis_url=url)
        assert guess(person) == 401
        process.kill()
        process.wait()
        read_lines()
        assert guesses(person, 3) == [401, 401, 429]
        log = "".join(read_lines())
        assert "rate limits are counted per process" in log


@ON_SQLITE
def test_the_server_starts_without_redis(limited, tmp_path):
    assert guesses(limited(redis_url=f"unix://{tmp_path}/nowhere.sock"), 4) == [401, 401, 401, 429]


@ON_SQLITE
def test_counts_in_redis_again_when_it_is_back(limited, tmp_path, no_pause):
    with running_redis(tmp_path) as (_, url):
        person = limited(redis_url=url)
        assert guess(person) == 401
    assert guess(person) == 401
    with running_redis(tmp_path) as (_, url):
        assert guess(person) == 401
        with redis.from_url(url) as client:
            # Of the address, of the account, and of the account at the address.
            assert [client.get(key) for key in client.scan_iter()] == [b"1", b"1", b"1"]


@ON_SQLITE
def test_with_a_folder_in_place_of_the_file_people_can_sign_in_and_guesses_are_limited(limited, tmp_path, read_lines):
    (tmp_path / "limits.db").mkdir()
    assert guesses(limited(), 4) == [401, 401, 401, 429]
    assert len(read_lines()) == 1  # not one of each request


@ON_SQLITE
def test_with_a_damaged_file_people_can_sign_in_and_guesses_are_limited(limited, tmp_path):
    person = limited()
    assert guess(person) == 401
    for path in tmp_path.glob("limits.db*"):
        path.write_bytes(b"this is no database " * 1000)
    assert guesses(person, 3) == [401, 401, 429]


@ON_SQLITE
def test_counts_in_the_file_again_when_it_can_be_written(limited, tmp_path, no_pause):
    (tmp_path / "limits.db").mkdir()
    person = limited()
    assert guess(person) == 401
    (tmp_path / "limits.db").rmdir()
    assert guess(person) == 401
    assert guesses(limited(), 3) == [401, 401, 429]


@ON_SQLITE
def test_a_storage_that_hangs_is_not_asked_by_every_request(limited, tmp_path, monkeypatch):
    monkeypatch.setitem(limit_fallback.REDIS_OPTIONS, "socket_timeout", 0.5)
    with running_redis(tmp_path) as (process, url):
        person = limited(redis_url=url)
        process.send_signal(signal.SIGSTOP)  # it takes connections, and answers nothing
        assert guesses(person, 4) == [401, 401, 401, 429]
