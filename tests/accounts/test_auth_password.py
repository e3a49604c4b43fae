"""`POST /auth/password`: changing one's own password."""

import pytest

from tests.conftest import NEW_PASSWORD, ON_SQLITE, PASSWORD
from tests.helpers import bearer, details_of, refresh


def change(person, current=PASSWORD, new=NEW_PASSWORD):
    return person.post("/auth/password", json={"current_password": current, "new_password": new})


def sign_in_with(person, password):
    return person.client.post("/api/v1/auth/login", json={"email": person.email, "password": password})


def test_only_the_new_password_signs_in(alice):
    assert change(alice).status_code == 200
    assert sign_in_with(alice, PASSWORD).status_code == 401
    assert sign_in_with(alice, NEW_PASSWORD).status_code == 200


def test_the_change_ends_all_other_sessions(alice):
    elsewhere = alice.sign_in()
    assert change(alice).status_code == 200
    assert alice.get("/auth/me", headers=bearer(elsewhere["access_token"])).status_code == 401
    assert refresh(alice, elsewhere["refresh_token"]).status_code == 401
    assert alice.get("/auth/me").status_code == 200


@ON_SQLITE
def test_a_stolen_token_alone_does_not_change_it(alice):
    answer = change(alice, current="a guess at it")
    assert answer.status_code == 422
    assert list(details_of(answer)["json"]) == ["current_password"]
    assert sign_in_with(alice, PASSWORD).status_code == 200


@ON_SQLITE
@pytest.mark.parametrize("new", ["", "short", "x" * 257, None, 12345678, "nul \0 nul nul"])
def test_refuses_a_password_that_is_not_allowed(alice, new):
    answer = change(alice, new=new)
    assert answer.status_code == 422
    assert list(details_of(answer)["json"]) == ["new_password"]
    assert sign_in_with(alice, PASSWORD).status_code == 200


@ON_SQLITE
def test_needs_a_login(stranger):
    assert change(stranger).status_code == 401


def test_is_in_the_audit_trail_without_the_password(admin, alice):
    change(alice)
    entries = admin.get("/audit", query_string={"actor_email": alice.email}).json["data"]
    assert "user.change_password" in [entry["action"] for entry in entries]
    assert NEW_PASSWORD not in str(entries)
    assert PASSWORD not in str(entries)
