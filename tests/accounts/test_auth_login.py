"""`POST /auth/login`."""

from backend.models.user import User
from tests.conftest import ON_SQLITE, PASSWORD
from tests.helpers import details_of

ALICE = {"email": "alice@example.com", "password": PASSWORD}

WRONG_VALUES = [
    ({"password": PASSWORD}, ["email"]),
    ({"email": "alice@example.com"}, ["password"]),
    (ALICE | {"password": ""}, ["password"]),
    (ALICE | {"password": None}, ["password"]),
    (ALICE | {"email": ["alice@example.com"]}, ["email"]),
    (ALICE | {"email": "alice@example.com\0"}, ["email"]),
    (ALICE | {"password": "x" * 257}, ["password"]),
    (ALICE | {"remember": True}, ["remember"]),
]


def test_returns_tokens_and_the_user(stranger):
    response = stranger.post("/auth/login", json=ALICE)
    assert response.status_code == 200
    data = response.json["data"]
    assert sorted(data) == ["access_token", "expires_in", "refresh_token", "token_type", "user"]
    assert (data["token_type"], data["expires_in"]) == ("Bearer", 900)
    assert (data["user"]["email"], data["user"]["roles"]) == ("alice@example.com", ["member"])


def test_the_access_token_authenticates_requests(stranger):
    token = stranger.post("/auth/login", json=ALICE).json["data"]["access_token"]
    me = stranger.get("/auth/me", headers={"Authorization": f"Bearer {token}"})
    assert me.json["data"]["name"] == "Alice"


def test_the_case_of_the_address_does_not_matter(stranger):
    assert stranger.post("/auth/login", json=ALICE | {"email": "ALICE@example.COM"}).status_code == 200


def test_answers_a_wrong_password_and_an_unknown_address_alike(stranger):
    wrong = stranger.post("/auth/login", json=ALICE | {"password": "wrong horse"})
    unknown = stranger.post("/auth/login", json=ALICE | {"email": "nobody@example.com"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json["error"] == unknown.json["error"]


def test_refuses_a_deactivated_user_with_the_same_words(stranger):
    wrong = stranger.post("/auth/login", json=ALICE | {"password": "wrong horse"})
    User.update(active=False).where(User.email == "alice@example.com").execute()
    response = stranger.post("/auth/login", json=ALICE)
    assert response.status_code == 401
    assert response.json["error"] == wrong.json["error"]


@ON_SQLITE
def test_refuses_wrong_values(stranger):
    for body, wrong in WRONG_VALUES:
        response = stranger.post("/auth/login", json=body)
        assert response.status_code == 422, body
        assert list(details_of(response)["json"]) == wrong


def test_every_login_is_a_session_of_its_own(alice):
    first, second = alice.sign_in(), alice.sign_in()
    alice.post("/auth/logout", headers={"Authorization": f"Bearer {first['access_token']}"})
    kept = alice.get("/auth/me", headers={"Authorization": f"Bearer {second['access_token']}"})
    assert kept.status_code == 200


WAYS = ["zoë@bücher.example", "Zoe\u0308@Bu\u0308cher.example", "ZOË@xn--bcher-kva.EXAMPLE", "zoë@ｂüｃｈｅｒ。example"]


def test_an_address_is_found_in_every_form(app, admin, stranger):
    """As phones, keyboards and mail programs write it: composed or not, as punycode, full-width."""
    for number, registered in enumerate(WAYS):
        password = f"{PASSWORD} {number}"
        made = stranger.post("/auth/register", json={"email": registered, "password": password, "name": "Zoë"})
        assert made.status_code == 201
        for email in WAYS:
            answer = stranger.post("/auth/login", json={"email": email, "password": f"{PASSWORD} 0"})
            assert (answer.status_code, email) == (200, email)
            assert answer.json["data"]["user"]["email"] == WAYS[0]
    assert admin.get("/users?name=Zoë").json["meta"]["total"] == 1
    for email in WAYS:
        for operator in ("", "__in", "__icontains", "__startswith"):
            found = admin.get("/users", query_string={f"email{operator}": email}).json["data"]
            assert [user["email"] for user in found] == [WAYS[0]], (email, operator)
        assert admin.get("/users", query_string={"email__ne": email}).json["meta"]["total"] == 4
    assert admin.get("/users?email=ALICE@Example.com").json["meta"]["total"] == 1
    assert admin.get("/users?email__contains=ALICE").json["meta"]["total"] == 1
    assert (
        admin.get("/audit?actor_email=Zoe%CC%88@b%C3%BCcher.example&action=session.start").json["meta"]["total"] == 16
    )
