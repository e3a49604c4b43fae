"""Limits of sign-ins for people who share an address, as in an office, and for a guesser among them."""

import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from backend import create_app
from backend.middleware import limit_fallback, limit_storage
from backend.middleware import limits as limits_module
from backend.models.database import database
from backend.models.user import User, give_roles
from backend.services.accounts.passwords import hash_password
from backend.utils.clock import utcnow
from tests.conftest import ON_SQLITE, PASSWORD, Person
from tests.helpers import refresh
from tests.parts.redis import running_redis

OFFICE, ELSEWHERE = "203.0.113.9", "203.0.113.10"
PEOPLE = [f"person{number}@example.com" for number in range(30)]


@pytest.fixture
def clock(monkeypatch):
    """The time of the limits, which passes only when a test says so."""
    clock = SimpleNamespace(now=time.time())
    clock.time = clock.monotonic = lambda: clock.now
    for module in (limits_module, limit_storage, limit_fallback):
        monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def office(settings):
    """A function that returns somebody at the address of an office with thirty accounts, and the default limits."""

    def make(**changes):
        app = create_app(replace(settings, rate_limit_auth="10/minute;100/hour", **changes))
        now, password_hash = utcnow(), hash_password(PASSWORD)
        with database.connection_context(), database.atomic():
            for email in PEOPLE:
                columns = {"email": email, "name": "P", "password_hash": password_hash, "updated_at": now}
                give_roles(User.create(**columns), ["member"])
        return at(Person(app), OFFICE)

    yield make
    database.close_all()


def at(person, address):
    person.client.environ_base["REMOTE_ADDR"] = address
    return person


def sign_in(person, email, password=PASSWORD):
    return person.post("/auth/login", json={"email": email, "password": password})


def statuses(answers):
    return [answer.status_code for answer in answers]


def refresh_all(person, tokens):
    """Refresh every session once, and return the new tokens."""
    answers = [refresh(person, token) for token in tokens]
    assert statuses(answers) == [200] * len(tokens)
    return [answer.json["data"]["refresh_token"] for answer in answers]


def begin_day(person):
    """Sign in all people, and return their refresh tokens."""
    answers = [sign_in(person, email) for email in PEOPLE]
    assert statuses(answers) == [200] * len(PEOPLE)
    return [answer.json["data"]["refresh_token"] for answer in answers]


def guess(person, count=12):
    """Try passwords for accounts that nobody here has."""
    return statuses(sign_in(person, f"unknown{number}@example.com") for number in range(count))


@ON_SQLITE
def test_thirty_people_work_all_day_behind_one_address_and_a_guesser_does_not_lock_them_out(office, clock):
    person = office()
    tokens = begin_day(person)
    for _ in range(8):
        clock.now += 3600
        tokens = refresh_all(person, tokens)
    assert guess(person) == [401] * 10 + [429] * 2
    tokens = refresh_all(person, tokens)
    assert sign_in(person, PEOPLE[0]).status_code == 200  # known here, and it is the right password
    assert sign_in(person, PEOPLE[0], "wrong horse").status_code == 429
    clock.now += 61
    assert guess(person) == [401] * 10 + [429] * 2
    refresh_all(person, tokens)


@ON_SQLITE
def test_counts_in_redis_are_the_same_also_after_it_fails(office, tmp_path):
    with running_redis(tmp_path) as (process, url):
        person = office(redis_url=url)
        tokens = begin_day(person)
        for _ in range(4):
            tokens = refresh_all(person, tokens)
        assert guess(person) == [401] * 10 + [429] * 2
        process.kill()
        process.wait()
        tokens = refresh_all(person, tokens)
        assert guess(person, 2) == [429] * 2
        assert statuses(sign_in(person, email) for email in PEOPLE[:15]) == [200] * 15
        assert guess(at(person, ELSEWHERE)) == [401] * 10 + [429] * 2


@ON_SQLITE
def test_beyond_the_limit_a_refusal_is_the_same_for_every_account_and_password(office):
    person = office()
    assert sign_in(person, PEOPLE[0]).status_code == 200
    guess(person)
    User.update(active=False).where(User.email == PEOPLE[2]).execute()
    tried = [(PEOPLE[0], "wrong horse"), (PEOPLE[1], PASSWORD), (PEOPLE[1], "wrong horse"), (PEOPLE[2], PASSWORD)]
    answers = [sign_in(person, *each) for each in [*tried, ("unknown@example.com", PASSWORD)]]
    texts = {answer.json["error"]["message"].partition(";")[0] for answer in answers}
    assert (set(statuses(answers)), texts) == ({429}, {"Too many sign-ins from this address"})


@ON_SQLITE
def test_guesses_from_elsewhere_keep_nobody_from_signing_in_where_they_have_been_before(office):
    person = office()
    assert sign_in(person, PEOPLE[0]).status_code == 200
    answers = [sign_in(at(person, f"198.51.100.{number}"), PEOPLE[0], "wrong horse") for number in range(11)]
    assert statuses(answers) == [401] * 10 + [429]
    assert sign_in(at(person, ELSEWHERE), PEOPLE[0]).status_code == 429
    assert sign_in(at(person, OFFICE), PEOPLE[0]).status_code == 200
    assert sign_in(person, PEOPLE[0], "wrong horse").status_code == 429


@ON_SQLITE
def test_one_account_is_tried_ten_times_a_minute_where_it_is_known(office):
    person = office()
    answers = [sign_in(person, PEOPLE[0]) for _ in range(11)]
    assert statuses(answers) == [200] * 10 + [429]
    assert sign_in(person, PEOPLE[1]).status_code == 200
