"""Passwords: their strength, the parameters of their hashes, and how many are hashed at once."""

import threading
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from argon2 import extract_parameters
from zxcvbn import matching

from backend import create_app
from backend.models.database import database
from backend.models.user import User
from backend.services.accounts import passwords
from backend.services.errors import Unavailable
from tests.conftest import ON_SQLITE, PASSWORD, Person
from tests.helpers import details_of

CAROL = {"email": "carol@example.com", "name": "Carol Ostrogradska", "password": PASSWORD}
EASY = [
    "password",
    "12345678",
    "qwertyuiop",
    "aaaaaaaaaaaa",
    "abcabcabcabc",
    "P@ssw0rd1",
    "letmein2024",
    "carol@example.com",
    "Ostrogradska",
    "ostrogradska1",
]
HARD = [
    PASSWORD,
    "x9$Lr2!vQz",
    "vier Esel am Brunnen",
    "ночной поезд в Казань",
    "u" + PASSWORD * 12,
    "🦆 Ente auf dem Teich",
]
SYMBOLS = "4@8({[</369&#!1/|0$5+7%2"


@pytest.fixture
def server(settings):
    """A function that returns a person at an app on the same database, with different settings."""
    yield lambda **changes: Person(create_app(replace(settings, **changes)))
    database.close_all()


@pytest.fixture
def all_places_taken(app):
    """Keeps every place for hashing until the end of the test."""
    with ThreadPoolExecutor() as threads:
        taken, free = threading.Barrier(5), threading.Event()  # half of 8 threads, and this one

        def take():
            with passwords.hashing.place():
                taken.wait()
                free.wait()

        calls = [threads.submit(take) for _ in range(4)]
        taken.wait()
        yield
        free.set()
    assert [call.result() for call in calls] == [None] * 4


def register(person, **changes):
    return person.post("/auth/register", json=CAROL | changes)


def login(person, email="alice@example.com", password=PASSWORD):
    return person.post("/auth/login", json={"email": email, "password": password})


def stored_hash(email="alice@example.com"):
    return User.by_email(email).password_hash


@ON_SQLITE
def test_a_weak_password_is_refused_with_advice(stranger):
    for password in EASY:
        response = register(stranger, password=password)
        assert response.status_code == 422, password
        (message,) = details_of(response)["json"]["password"]
        assert message.startswith("Too easy to guess. "), message
        assert message.endswith("."), message
    assert User.by_email(CAROL["email"]) is None


@ON_SQLITE
def test_a_strong_password_is_accepted(stranger):
    for number, password in enumerate(HARD):
        email = f"carol{number}@example.com"
        assert register(stranger, email=email, password=password).status_code == 201, password
        assert login(stranger, email, password).status_code == 200, password


@ON_SQLITE
def test_how_strong_a_password_must_be_is_a_setting(server):
    assert register(server(password_strength=0), password="password").status_code == 201
    strict = server(password_strength=4)
    assert register(strict, email="dora@example.com", password="trumpet7lake").status_code == 422
    assert register(strict, email="dora@example.com", password=PASSWORD).status_code == 201


@ON_SQLITE
def test_words_about_one_user_do_not_count_for_the_next(stranger):
    assert register(stranger, password="Ostrogradska17").status_code == 422
    assert register(stranger, name="Carol", password="Ostrogradska17").status_code == 201


def test_a_password_of_symbols_does_not_hold_up_the_server():
    """zxcvbn tries each way to read symbols as letters: with its own table thousands, for seconds."""
    table = matching.relevant_l33t_subtable(SYMBOLS, matching.L33T_TABLE)
    assert len(matching.enumerate_l33t_subs(table)) <= 16


@ON_SQLITE
def test_a_megabyte_password_is_refused_unhashed(stranger, all_places_taken):
    """No password can be hashed here: an answer other than 503 means that none was."""
    huge = "x" * 1_000_000
    assert register(stranger, password=huge).status_code == 422
    assert login(stranger, password=huge).status_code == 422
    assert login(stranger).status_code == 503


@ON_SQLITE
def test_too_many_at_once_are_asked_to_try_again(stranger, all_places_taken):
    for answer in (login(stranger), login(stranger, "nobody@example.com"), register(stranger)):
        assert (answer.status_code, answer.json["error"]["code"]) == (503, "UNAVAILABLE")
        assert answer.headers["Retry-After"] == "1"


@ON_SQLITE
def test_others_are_served_while_passwords_are_hashed(alice, stranger, request):
    alice.get("/auth/me")
    request.getfixturevalue("all_places_taken")
    assert alice.get("/auth/me").status_code == 200
    assert stranger.get("http://localhost/health/ready").status_code == 200


@ON_SQLITE
def test_after_the_storm_everyone_can_sign_in(app, stranger):
    def guess(number):
        return login(Person(app), password=f"guess {number}").status_code

    with ThreadPoolExecutor(32) as threads:
        assert set(threads.map(guess, range(200))) <= {401, 503}
    assert login(stranger).status_code == 200


COMPOSED = "ünlikely sëntence über Ärger"
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)
SPACED = COMPOSED.replace(" ", "\u00a0")  # as a Mac types it with the option key held
SAME = [COMPOSED, DECOMPOSED, SPACED, unicodedata.normalize("NFD", SPACED)]


def test_a_password_is_the_same_on_every_keyboard(stranger, admin):
    for number, typed in enumerate(SAME):
        email = f"carol{number}@example.com"
        assert register(stranger, email=email, password=typed).status_code == 201
        assert {login(stranger, email, each).status_code for each in SAME} == {200}
        assert login(stranger, email, COMPOSED.upper()).status_code == 401
        assert login(stranger, email, COMPOSED.replace("ü", "u")).status_code == 401
    change = {"current_password": DECOMPOSED, "new_password": f"{DECOMPOSED} neu"}
    carol = Person(stranger.client.application)
    carol._token = login(stranger, "carol0@example.com", COMPOSED).json["data"]["access_token"]
    assert carol.post("/auth/password", json=change).status_code == 200
    assert login(stranger, "carol0@example.com", f"{COMPOSED} neu").status_code == 200
    user = admin.get("/users?email=carol1@example.com").json["data"][0]["id"]
    assert admin.patch(f"/users/{user}", json={"password": f"{SAME[3]} neu"}).status_code == 200
    assert login(stranger, "carol1@example.com", f"{COMPOSED} neu").status_code == 200


def test_width_and_case_of_a_password_stay(stranger):
    assert register(stranger, password="Ｔrumpet auf dem Teich").status_code == 201
    typed = ["Trumpet auf dem Teich", "ｔrumpet auf dem Teich", "Ｔrumpet auf dem Teich"]
    assert [login(stranger, CAROL["email"], each).status_code for each in typed] == [401, 401, 200]


@pytest.mark.parametrize("kept", SAME, ids=["composed", "decomposed", "spaced", "both"])
def test_a_hash_of_the_password_as_typed_is_still_valid_and_renewed(stranger, kept):
    """Old hashes may be of any form."""
    User.update(password_hash=passwords.hashing.hasher.hash(kept)).where(User.email == "alice@example.com").execute()
    before = stored_hash()
    assert login(stranger, password="wrong horsé").status_code == 401
    assert stored_hash() == before
    assert login(stranger, password=kept).status_code == 200
    assert (stored_hash() == before) == (kept == COMPOSED)
    assert {login(stranger, password=each).status_code for each in SAME} == {200}
    assert passwords.hashing.hasher.verify(stored_hash(), COMPOSED)


def test_a_hash_of_a_decomposed_password_is_found_by_a_composed_one(stranger):
    User.update(password_hash=passwords.hashing.hasher.hash(DECOMPOSED)).where(
        User.email == "alice@example.com"
    ).execute()
    assert login(stranger, password=COMPOSED).status_code == 200


@ON_SQLITE
@pytest.mark.parametrize("password", ["tab\tin a long sentence", "line\nin a long sentence", "nul\0in a long sentence"])
def test_control_characters_are_refused_in_a_new_password(stranger, password):
    answer = register(stranger, password=password)
    assert (answer.status_code, list(details_of(answer)["json"])) == (422, ["password"])


@ON_SQLITE
def test_an_old_password_with_control_characters_is_still_valid(stranger):
    old = "tab\tin a long sentence"
    User.update(password_hash=passwords.hashing.hasher.hash(old)).where(User.email == "alice@example.com").execute()
    assert login(stranger, password=old).status_code == 200


def test_a_hash_is_renewed_at_sign_in_if_the_settings_have_changed(server, settings):
    stronger = server(argon2_time_cost=2, argon2_memory_kib=64, argon2_parallelism=2)
    before = stored_hash()
    assert login(stronger).status_code == 200
    parameters = extract_parameters(stored_hash())
    assert (parameters.time_cost, parameters.memory_cost, parameters.parallelism) == (2, 64, 2)
    assert stored_hash() != before
    assert login(stronger).status_code == 200
    assert login(stronger, password="wrong horse").status_code == 401


@ON_SQLITE
def test_a_hash_is_not_renewed_without_need_nor_by_a_wrong_password(server, stranger):
    before = stored_hash()
    login(stranger)
    assert login(server(argon2_time_cost=2), password="wrong horse").status_code == 401
    assert stored_hash() == before


@ON_SQLITE
def test_new_hashes_have_the_parameters_of_the_settings(server):
    assert register(server(argon2_time_cost=3, argon2_memory_kib=32)).status_code == 201
    parameters = extract_parameters(stored_hash(CAROL["email"]))
    assert (parameters.type.name, parameters.time_cost, parameters.memory_cost) == ("ID", 3, 32)


@ON_SQLITE
def test_no_more_are_hashed_at_once_than_the_settings_say(settings):
    passwords.hashing.open(replace(settings, password_hashes_at_once=2))
    running, most, two = [], [], threading.Barrier(2)

    def work():
        running.append(1)
        most.append(len(running))
        two.wait(60)
        threading.Event().wait(0.01)
        running.pop()

    with ThreadPoolExecutor(20) as threads:
        for call in [threads.submit(passwords.hashing.run, work) for _ in range(20)]:
            call.result()
    assert max(most) == 2


@ON_SQLITE
def test_half_of_the_threads_serve_other_requests(settings):
    passwords.hashing.open(replace(settings, threads=6, password_hashes_at_once=1))
    with passwords.hashing.place(), passwords.hashing.place(), passwords.hashing.place():
        with pytest.raises(Unavailable):
            passwords.verify_password(None, "a password")
