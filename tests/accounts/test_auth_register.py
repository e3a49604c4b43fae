"""`POST /auth/register`."""

from dataclasses import replace

from backend import create_app
from tests.conftest import ON_SQLITE, PASSWORD, Person
from tests.helpers import details_of

CAROL = {"email": "carol@example.com", "password": PASSWORD, "name": "Carol"}

WRONG_VALUES = [
    ("email", "carol"),
    ("email", "carol@"),
    ("email", "carol@example.com\0"),
    ("email", None),
    ("email", 7),
    ("password", "short77"),
    ("password", "x" * 257),
    ("password", "half a pair \ud800"),
    ("password", 12345678),
    ("name", ""),
    ("name", "x" * 101),
    ("name", ["Carol"]),
]


def test_creates_a_member(stranger):
    response = stranger.post("/auth/register", json=CAROL)
    assert response.status_code == 201
    account = response.json["data"]
    assert sorted(account) == ["created_at", "email", "id", "name", "roles"]
    assert (account["email"], account["name"], account["roles"]) == ("carol@example.com", "Carol", ["member"])


def test_the_new_user_can_sign_in(stranger, app):
    stranger.post("/auth/register", json=CAROL)
    assert Person(app, "carol").get("/auth/me").json["data"]["email"] == "carol@example.com"


def test_an_address_that_differs_in_case_is_taken(stranger, admin, alice):
    for email in ("alice@example.com", "Alice@Example.COM"):
        response = stranger.post("/auth/register", json=CAROL | {"email": email, "password": "another password"})
        assert (response.status_code, response.json["data"]["email"]) == (201, "alice@example.com")
    assert admin.get("/users?email=alice@example.com").json["data"][0]["name"] == "Alice"
    assert admin.get("/users").json["meta"]["total"] == 4
    assert alice.get("/auth/me").status_code == 200


@ON_SQLITE
def test_refuses_wrong_values(stranger):
    for field, value in WRONG_VALUES:
        response = stranger.post("/auth/register", json=CAROL | {field: value})
        assert response.status_code == 422, (field, value)
        assert list(details_of(response)["json"]) == [field]


@ON_SQLITE
def test_names_everything_that_is_missing(stranger):
    response = stranger.post("/auth/register", json={})
    assert response.status_code == 422
    assert sorted(details_of(response)["json"]) == ["email", "name", "password"]


@ON_SQLITE
def test_a_registration_cannot_choose_a_role(stranger):
    response = stranger.post("/auth/register", json=CAROL | {"roles": ["admin"]})
    assert response.status_code == 422
    assert list(details_of(response)["json"]) == ["roles"]
    credentials = {"email": CAROL["email"], "password": PASSWORD}
    assert stranger.post("/auth/login", json=credentials).status_code == 401


@ON_SQLITE
def test_a_closed_registration_creates_no_user(settings):
    closed = Person(create_app(replace(settings, registration="closed")))
    assert closed.post("/auth/register", json=CAROL).status_code == 403
    credentials = {"email": CAROL["email"], "password": PASSWORD}
    assert closed.post("/auth/login", json=credentials).status_code == 401
