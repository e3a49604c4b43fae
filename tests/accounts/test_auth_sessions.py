"""`/auth/sessions`: one's own sessions."""

import pytest

from tests.conftest import ON_SQLITE, PASSWORD
from tests.helpers import UNKNOWN_ID, bearer, refresh

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
EDGE = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0"
)
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.0 Mobile/15E148 Safari/604.1"
)


def sign_in_from(person, user_agent):
    credentials = {"email": person.email, "password": PASSWORD}
    return person.client.post("/api/v1/auth/login", json=credentials, headers={"User-Agent": user_agent}).json["data"]


def listed(person, token):
    """Return the sessions that the bearer of the token sees."""
    return person.client.get("/api/v1/auth/sessions", headers=bearer(token)).json["data"]


def test_lists_own_sessions_the_newest_first(alice, bob):
    bob.sign_in()
    alice.get("/auth/me")
    sign_in_from(alice, FIREFOX)
    mine = listed(alice, alice.token)
    assert [session["device"] for session in mine] == ["Firefox on Linux", "Unknown program"]
    assert [session["current"] for session in mine] == [False, True]
    assert mine[0]["address"] == "127.0.0.1"


@ON_SQLITE
@pytest.mark.parametrize(
    ("user_agent", "device"),
    [(FIREFOX, "Firefox on Linux"), (EDGE, "Edge on Windows"), (SAFARI, "Safari on iPhone"), ("", "Unknown program")]
    + [("curl/8.5.0", "curl"), ("<script>", "Unknown program")],
)
def test_names_the_device(alice, user_agent, device):
    token = sign_in_from(alice, user_agent)["access_token"]
    (session,) = listed(alice, token)
    assert (session["device"], session["user_agent"]) == (device, user_agent)


def test_a_refresh_shows_as_a_use(alice):
    tokens = alice.sign_in()
    (before,) = listed(alice, tokens["access_token"])
    token = refresh(alice, tokens["refresh_token"]).json["data"]["access_token"]
    (after,) = listed(alice, token)
    assert after["id"] == before["id"]
    assert after["created_at"] == before["created_at"]
    assert after["last_used_at"] > before["last_used_at"]


def test_ends_one_and_leaves_the_rest(alice):
    there = alice.sign_in()
    here = alice.get("/auth/sessions").json["data"]
    (other,) = [session["id"] for session in here if not session["current"]]
    assert alice.delete(f"/auth/sessions/{other}").status_code == 200
    assert alice.get("/auth/me", headers=bearer(there["access_token"])).status_code == 401
    assert refresh(alice, there["refresh_token"]).status_code == 401
    assert [session["current"] for session in alice.get("/auth/sessions").json["data"]] == [True]


def test_ends_all_others(alice, bob):
    others = [alice.sign_in() for _ in range(3)]
    bob.get("/auth/me")
    assert alice.delete("/auth/sessions").status_code == 200
    answers = [alice.get("/auth/me", headers=bearer(tokens["access_token"])) for tokens in others]
    assert [answer.status_code for answer in answers] == [401, 401, 401]
    assert (alice.get("/auth/me").status_code, bob.get("/auth/me").status_code) == (200, 200)


def test_users_end_no_session_of_another_user(alice, admin):
    alice.get("/auth/me")
    (session,) = alice.get("/auth/sessions").json["data"]
    assert admin.delete(f"/auth/sessions/{session['id']}").status_code == 404
    assert admin.delete(f"/auth/sessions/{UNKNOWN_ID}").status_code == 404
    assert alice.get("/auth/me").status_code == 200


def test_a_session_ends_once(alice):
    alice.sign_in()
    (other,) = [session["id"] for session in alice.get("/auth/sessions").json["data"] if not session["current"]]
    assert [alice.delete(f"/auth/sessions/{other}").status_code for _ in range(2)] == [200, 404]


@ON_SQLITE
def test_needs_a_login(stranger):
    calls = [("GET", ""), ("DELETE", ""), ("DELETE", f"/{UNKNOWN_ID}")]
    assert [stranger.send(method, f"/auth/sessions{path}").status_code for method, path in calls] == [401, 401, 401]


def test_signing_in_and_out_is_in_the_audit_trail(admin, alice):
    alice.post("/auth/logout")
    entries = admin.get("/audit", query_string={"actor_email": alice.email, "sort": "id"}).json["data"]
    assert [entry["action"] for entry in entries] == ["session.start", "session.end"]
    assert entries[0]["target_id"] == entries[1]["target_id"]
