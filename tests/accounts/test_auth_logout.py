"""`POST /auth/logout`."""

from tests.conftest import ON_SQLITE
from tests.helpers import bearer, refresh


@ON_SQLITE
def test_the_response_has_no_data(alice):
    response = alice.post("/auth/logout")
    assert response.status_code == 200
    assert response.json["data"] is None


@ON_SQLITE
def test_needs_a_login(stranger):
    assert stranger.post("/auth/logout").status_code == 401


def test_both_tokens_are_refused_on_the_next_request(alice):
    tokens = alice.sign_in()
    assert alice.get("/auth/me", headers=bearer(tokens["access_token"])).status_code == 200
    alice.post("/auth/logout", headers=bearer(tokens["access_token"]))
    assert alice.get("/auth/me", headers=bearer(tokens["access_token"])).status_code == 401
    assert refresh(alice, tokens["refresh_token"]).status_code == 401


def test_a_second_logout_is_refused(alice):
    alice.post("/auth/logout")
    assert alice.post("/auth/logout").status_code == 401


def test_ends_only_this_session_of_this_user(alice, bob):
    elsewhere = alice.sign_in()
    alice.post("/auth/logout")
    assert alice.get("/auth/me", headers=bearer(elsewhere["access_token"])).status_code == 200
    assert bob.get("/auth/me").status_code == 200
