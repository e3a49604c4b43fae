"""`POST /auth/refresh`."""

import json
from base64 import urlsafe_b64decode
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from backend.models.session import Session
from backend.models.user import User
from backend.services.accounts import sessions
from backend.services.accounts.sessions import RACE_SECONDS
from backend.utils.clock import utcnow
from tests.conftest import ON_SQLITE
from tests.helpers import bearer, refresh


def token_id(token):
    """Return the `jti` of a token."""
    payload = token.split(".")[1]
    return json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["jti"]


def let_time_pass(seconds):
    """Make every rotation this much older."""
    for session in Session.select().where(Session.rotated_at.is_null(False)):
        Session.update(rotated_at=session.rotated_at - timedelta(seconds=seconds)).where(
            Session.id == session.id
        ).execute()


def test_gives_new_tokens_that_work(alice):
    old = alice.sign_in()
    response = refresh(alice, old["refresh_token"])
    assert response.status_code == 200
    new = response.json["data"]
    assert (new["token_type"], new["expires_in"], new["user"]["email"]) == ("Bearer", 900, "alice@example.com")
    assert new["refresh_token"] != old["refresh_token"]
    assert alice.get("/auth/me", headers=bearer(new["access_token"])).status_code == 200
    assert refresh(alice, new["refresh_token"]).status_code == 200


def test_a_refresh_token_used_twice_does_not_keep_its_session_alive(alice, read_lines):
    first = alice.sign_in()
    second = refresh(alice, first["refresh_token"]).json["data"]
    let_time_pass(RACE_SECONDS)
    read_lines()
    again = refresh(alice, first["refresh_token"])
    assert (again.status_code, again.json["error"]["code"]) == (401, "UNAUTHENTICATED")
    assert any("refresh token used twice" in line for line in read_lines())
    assert alice.get("/auth/me", headers=bearer(second["access_token"])).status_code == 401
    assert refresh(alice, second["refresh_token"]).status_code == 401


def test_a_reuse_is_in_the_audit_trail(admin, alice):
    first = alice.sign_in()
    refresh(alice, first["refresh_token"])
    let_time_pass(RACE_SECONDS)
    refresh(alice, first["refresh_token"])
    (entry,) = admin.get("/audit?action=session.reuse").json["data"]
    assert entry["actor_email"] == "alice@example.com"


def test_a_token_older_than_the_last_two_ends_the_session_at_once(alice):
    first = alice.sign_in()
    second = refresh(alice, first["refresh_token"]).json["data"]
    third = refresh(alice, second["refresh_token"]).json["data"]
    assert refresh(alice, first["refresh_token"]).status_code == 401
    assert alice.get("/auth/me", headers=bearer(third["access_token"])).status_code == 401


def test_a_reuse_leaves_other_sessions_alone(alice):
    other, first = alice.sign_in(), alice.sign_in()
    refresh(alice, first["refresh_token"])
    let_time_pass(RACE_SECONDS)
    refresh(alice, first["refresh_token"])
    assert alice.get("/auth/me", headers=bearer(other["access_token"])).status_code == 200


def test_requests_that_race_with_one_token_all_get_the_same_next_one(app, alice, monkeypatch):
    monkeypatch.setattr(sessions, "RACE_SECONDS", 600)
    token = alice.sign_in()["refresh_token"]
    clients = [app.test_client() for _ in range(4)]
    with ThreadPoolExecutor(len(clients)) as threads:
        calls = [threads.submit(client.post, "/api/v1/auth/refresh", headers=bearer(token)) for client in clients]
    answers = [call.result() for call in calls]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200]
    assert len({token_id(answer.json["data"]["refresh_token"]) for answer in answers}) == 1
    assert refresh(alice, answers[3].json["data"]["refresh_token"]).status_code == 200


@ON_SQLITE
def test_refuses_an_access_token(alice):
    response = refresh(alice, alice.token)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"


@ON_SQLITE
def test_refuses_a_request_without_a_token(stranger):
    assert stranger.post("/auth/refresh").status_code == 401


@ON_SQLITE
def test_a_refresh_token_is_valid_for_refreshes_only(admin):
    token = admin.sign_in()["refresh_token"]
    calls = [("GET", "/auth/me"), ("PATCH", "/auth/me"), ("POST", "/auth/logout"), ("GET", "/resources")]
    answers = [admin.send(method, path, headers=bearer(token), json={"name": "Eve"}) for method, path in calls]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 401]
    assert admin.get("/auth/me").json["data"]["name"] == "Admin"


def test_refuses_the_refresh_token_of_an_ended_session(alice):
    tokens = alice.sign_in()
    alice.post("/auth/logout", headers=bearer(tokens["access_token"]))
    assert refresh(alice, tokens["refresh_token"]).status_code == 401


def test_refuses_the_refresh_token_of_an_expired_session(alice):
    token = alice.sign_in()["refresh_token"]
    Session.update(expires_at=utcnow() - timedelta(seconds=1)).execute()
    assert refresh(alice, token).status_code == 401


def test_refuses_the_refresh_token_of_a_deactivated_user(alice):
    token = alice.sign_in()["refresh_token"]
    User.update(active=False).where(User.email == alice.email).execute()
    assert refresh(alice, token).status_code == 401


def test_a_refresh_prolongs_the_session(alice):
    token = alice.sign_in()["refresh_token"]
    Session.update(expires_at=utcnow() + timedelta(seconds=60)).execute()
    refresh(alice, token)
    assert Session.get().expires_at > utcnow() + timedelta(days=29)
