"""Bearer tokens that are not, or no longer, good: every one is a 401 of the one shape."""

import time

import jwt
import pytest

from backend.models.session import Session
from backend.models.user import User
from backend.utils.ids import uuid7
from tests.conftest import ON_SQLITE, PASSWORD, SECRET_KEY

GARBAGE = [
    "Bearer",
    "Bearer ",
    "Bearer garbage",
    "Bearer a.b.c",
    "Bearer eyJhbGciOiJIUzI1NiJ9..",
    "Bearer " + "x" * 4000,
    "Bearer \xff\xfe",
    "Bearer one two",
    "Bearer null",
    "Basic YWxpY2U6c2VjcmV0",
    "Token abc",
    "",
]


@pytest.fixture
def forge(alice):
    """Makes tokens like Alice's with other claims, another key or another algorithm."""
    claims = jwt.decode(alice.token, options={"verify_signature": False})
    headers = {"kid": jwt.get_unverified_header(alice.token)["kid"]}

    def make(key=SECRET_KEY, algorithm="HS256", without=(), **changes):
        kept = {name: value for name, value in (claims | changes).items() if name not in without}
        return jwt.encode(kept, key, algorithm, headers=headers)

    return make


def ask(person, header):
    return person.client.get("/api/v1/auth/me", headers={"Authorization": header})


def is_refused(response):
    """Return whether this is a 401 of the one shape."""
    body = response.json
    return (
        response.status_code == 401
        and response.headers["WWW-Authenticate"] == "Bearer"
        and sorted(body) == ["error", "success", "timestamp"]
        and body["success"] is False
        and sorted(body["error"]) == ["code", "details", "message"]
        and body["error"]["code"] == "UNAUTHENTICATED"
        and body["error"]["details"] == {}
    )


@ON_SQLITE
def test_an_unchanged_token_of_the_forge_is_valid(forge, stranger):
    assert ask(stranger, f"Bearer {forge()}").json["data"]["name"] == "Alice"


@ON_SQLITE
def test_the_scheme_counts_in_any_case(forge, stranger):
    for scheme in ("bearer", "BEARER", "bEaReR"):
        assert ask(stranger, f"{scheme} {forge()}").status_code == 200


@ON_SQLITE
def test_refuses_garbage(stranger):
    refused = {header: is_refused(ask(stranger, header)) for header in GARBAGE}
    assert refused == dict.fromkeys(GARBAGE, True)


@ON_SQLITE
def test_refuses_forged_tokens(forge, stranger):
    head, body, signature = forge().split(".")
    forged = {
        "no algorithm": forge(key=None, algorithm="none"),
        "no algorithm, old signature": forge(key=None, algorithm="none") + signature,
        "no signature": f"{head}.{body}.",
        "another algorithm": forge(algorithm="HS512", key=SECRET_KEY * 2),
        "another key": forge(key="another key, also long enough to sign with"),
        "another user's claims under the old signature": f"{head}.{forge(name='x').split('.')[1]}.{signature}",
    }
    refused = {what: is_refused(ask(stranger, f"Bearer {token}")) for what, token in forged.items()}
    assert refused == dict.fromkeys(forged, True)


def test_refuses_signed_tokens_with_wrong_claims(forge, stranger):
    wrong = {
        "another issuer": forge(iss="somebody else"),
        "no issuer": forge(without=["iss"]),
        "another audience": forge(aud="somebody else"),
        "no audience": forge(without=["aud"]),
        "expired": forge(exp=int(time.time()) - 1),
        "no expiry": forge(without=["exp"]),
        "not valid yet": forge(nbf=int(time.time()) + 600),
        "made in the future": forge(iat=int(time.time()) + 600),
        "an unknown type": forge(type="invitation"),
        "a refresh token": forge(type="refresh"),
        "no session": forge(without=["sid"]),
        "a session of another type": forge(sid=7),
        "a session that is no UUID": forge(sid="1 OR 1=1"),
        "a session with NUL": forge(sid="\0"),
        "a session that never was": forge(sid=uuid7()),
    }
    refused = {what: is_refused(ask(stranger, f"Bearer {token}")) for what, token in wrong.items()}
    assert refused == dict.fromkeys(wrong, True)


@ON_SQLITE
def test_takes_tokens_of_a_host_whose_clock_is_ahead(forge, stranger):
    for seconds in (1, 30, 55):
        ahead = int(time.time()) + seconds
        assert ask(stranger, f"Bearer {forge(iat=ahead, nbf=ahead, exp=ahead + 900)}").status_code == 200
    later = int(time.time()) + 30
    refresh = forge(iat=later, nbf=later, type="refresh")
    answer = stranger.client.post("/api/v1/auth/refresh", headers={"Authorization": f"Bearer {refresh}"})
    assert answer.json["error"]["message"].startswith("The refresh token has been used before")  # it was read


@ON_SQLITE
def test_a_clock_that_may_be_ahead_makes_no_token_live_longer(forge, stranger):
    for seconds in (0, 1, 30, 59):
        assert is_refused(ask(stranger, f"Bearer {forge(exp=int(time.time()) - seconds)}"))


def test_refuses_signed_refresh_tokens_with_a_wrong_id(forge, stranger):
    for change in ({"jti": "1 OR 1=1"}, {"jti": 7}, {"jti": uuid7()}, {"without": ["jti"]}):
        header = {"Authorization": f"Bearer {forge(**{'type': 'refresh'} | change)}"}
        assert is_refused(stranger.client.post("/api/v1/auth/refresh", headers=header))


def test_refuses_the_token_of_a_session_whose_row_was_deleted(alice):
    assert alice.get("/auth/me").status_code == 200
    Session.delete().execute()
    assert is_refused(alice.get("/auth/me"))


def test_refuses_the_token_of_a_deactivated_user(alice):
    assert alice.get("/auth/me").status_code == 200
    User.update(active=False).where(User.email == alice.email).execute()
    assert is_refused(alice.get("/auth/me"))


def test_refuses_the_token_of_a_deleted_user(alice):
    assert alice.get("/auth/me").status_code == 200
    User.delete().where(User.email == alice.email).execute()
    assert is_refused(alice.get("/auth/me"))


def test_a_bad_token_does_not_block_calls_that_need_no_login(stranger):
    bad = {"Authorization": "Bearer garbage"}
    credentials = {"email": "alice@example.com", "password": PASSWORD}
    assert stranger.post("/auth/login", json=credentials, headers=bad).status_code == 200
    for path in ("/health/live", "/health/ready", "/openapi.json", "/"):
        assert stranger.get(f"http://localhost{path}", headers=bad).status_code == 200


def test_a_bad_token_is_refused_even_for_public_records(admin, stranger):
    admin.declare("notes", {"title": {"type": "string"}}, access={"list": ["public"]})
    assert stranger.get("/notes").status_code == 200
    assert is_refused(stranger.get("/notes", headers={"Authorization": "Bearer garbage"}))
