"""`POST /auth/refresh`."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from backend.models.session import Session
from backend.models.user import User
from backend.utils.clock import utcnow
from tests.conftest import ON_SQLITE


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def refresh(person, token):
    return person.client.post("/api/v1/auth/refresh", headers=bearer(token))


def test_gives_new_tokens_that_work(alice):
    old = alice.sign_in()
    response = refresh(alice, old["refresh_token"])
    assert response.status_code == 200
    new = response.json["data"]
    assert (new["token_type"], new["expires_in"], new["user"]["email"]) == ("Bearer", 900, "alice@example.com")
    assert new["refresh_token"] != old["refresh_token"]
    assert alice.get("/auth/me", headers=bearer(new["access_token"])).status_code == 200
    assert refresh(alice, new["refresh_token"]).status_code == 200


def test_refuses_a_refresh_token_that_was_used(alice):
    token = alice.sign_in()["refresh_token"]
    assert refresh(alice, token).status_code == 200
    again = refresh(alice, token)
    assert again.status_code == 401
    assert again.json["error"]["code"] == "UNAUTHENTICATED"


def test_of_parallel_refreshes_with_one_token_exactly_one_succeeds(app, alice):
    token = alice.sign_in()["refresh_token"]
    clients = [app.test_client() for _ in range(4)]
    with ThreadPoolExecutor(len(clients)) as threads:
        calls = [threads.submit(client.post, "/api/v1/auth/refresh", headers=bearer(token)) for client in clients]
    assert sorted(call.result().status_code for call in calls) == [200, 401, 401, 401]


@ON_SQLITE
def test_refuses_an_access_token(alice):
    response = refresh(alice, alice.token)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"


@ON_SQLITE
def test_refuses_a_request_without_a_token(stranger):
    assert stranger.post("/auth/refresh").status_code == 401


@ON_SQLITE
def test_a_refresh_token_opens_nothing_else(admin):
    token = admin.sign_in()["refresh_token"]
    calls = [("GET", "/auth/me"), ("PATCH", "/auth/me"), ("POST", "/auth/logout"), ("GET", "/resources")]
    answers = [admin.send(method, path, headers=bearer(token), json={"name": "Eve"}) for method, path in calls]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 401]
    assert admin.get("/auth/me").json["data"]["name"] == "Admin"


def test_refuses_the_refresh_token_of_an_ended_session(alice):
    tokens = alice.sign_in()
    alice.post("/auth/logout", headers=bearer(tokens["access_token"]))
    assert refresh(alice, tokens["refresh_token"]).status_code == 401


def test_refuses_the_refresh_token_of_a_lapsed_session(alice):
    token = alice.sign_in()["refresh_token"]
    Session.update(expires_at=utcnow() - timedelta(seconds=1)).execute()
    assert refresh(alice, token).status_code == 401


def test_refuses_the_refresh_token_of_a_deactivated_account(alice):
    token = alice.sign_in()["refresh_token"]
    User.update(active=False).where(User.email == alice.email).execute()
    assert refresh(alice, token).status_code == 401


def test_a_refresh_prolongs_the_session(alice):
    token = alice.sign_in()["refresh_token"]
    Session.update(expires_at=utcnow() + timedelta(seconds=60)).execute()
    refresh(alice, token)
    assert Session.get().expires_at > utcnow() + timedelta(days=29)
