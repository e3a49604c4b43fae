"""`flask users`: accounts from the command line."""

import pytest

from tests.conftest import NEW_PASSWORD, ON_SQLITE, PASSWORD, Person
from tests.helpers import bearer


@pytest.fixture
def flask(app):
    """A function that runs `flask users …` and returns the result."""
    return lambda *arguments, **options: app.test_cli_runner().invoke(args=["users", *arguments], **options)


def test_creates_a_member(app, flask):
    made = flask("create", "Carol@example.com", "--password", PASSWORD)
    assert (made.exit_code, made.output) == (0, "created Carol@example.com\n")
    assert Person(app, "carol").get("/auth/me").json["data"]["roles"] == ["member"]


@ON_SQLITE
def test_asks_for_the_password_twice_and_never_shows_it(app, flask):
    made = flask("create", "carol@example.com", "--admin", input=f"{PASSWORD}\n{PASSWORD}\n")
    assert made.exit_code == 0
    assert PASSWORD not in made.output
    assert Person(app, "carol").get("/users").status_code == 200


@ON_SQLITE
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["create", "carol", "--password", PASSWORD], "email"),
        (["create", "carol@example.com", "--password", "short"], "password"),
        (["create", "ALICE@example.com", "--password", PASSWORD], "has this address already"),
        (["promote", "nobody@example.com"], "no user with the address nobody@example.com"),
        (
            ["reset-password", "nobody@example.com", "--password", PASSWORD],
            "no user with the address nobody@example.com",
        ),
        (["reset-password", "alice@example.com", "--password", "short"], "password"),
    ],
)
def test_refuses_with_a_message_and_changes_nothing(flask, admin, arguments, message):
    refused = flask(*arguments)
    assert refused.exit_code == 1
    assert message in refused.output
    assert "Traceback" not in refused.output
    assert admin.get("/users").json["meta"]["total"] == 4


@ON_SQLITE
def test_a_name_is_shown_as_it_is_and_moves_no_cursor(alice, flask):
    name = "[bold]\x1b[2J[/nope]\x9b"
    assert alice.patch("/auth/me", json={"name": name}).status_code == 200
    listed = flask("list")
    assert listed.exit_code == 0
    assert r"[bold]\x1b[2J[/nope]\x9b" in "".join(listed.output.split())


def test_lists_everybody(flask):
    listed = flask("list")
    assert listed.exit_code == 0
    assert [line.split()[1] for line in listed.output.splitlines() if "@" in line] == [
        f"{name}@example.com" for name in ("admin", "alice", "bob", "edith")
    ]


def test_promotes_from_the_next_request_on(flask, alice):
    assert alice.get("/users").status_code == 403
    assert flask("promote", "Alice@example.com").exit_code == 0
    assert alice.get("/users").status_code == 200


def test_a_reset_password_ends_all_sessions(flask, alice):
    token = alice.sign_in()["access_token"]
    assert flask("reset-password", alice.email, "--password", NEW_PASSWORD).exit_code == 0
    assert alice.client.get("/api/v1/auth/me", headers=bearer(token)).status_code == 401
    credentials = {"email": alice.email, "password": NEW_PASSWORD}
    assert alice.client.post("/api/v1/auth/login", json=credentials).status_code == 200


def test_a_link_sets_a_new_password_once(flask, alice):
    made = flask("link", "Alice@Example.com")
    assert made.exit_code == 0
    assert alice.email in made.output
    reset = {"token": made.output.strip().partition("#token=")[2], "new_password": NEW_PASSWORD}
    assert "http://127.0.0.1:8000/account/reset#token=" in made.output
    statuses = [alice.client.post("/api/v1/auth/password/reset", json=reset).status_code for _ in range(2)]
    assert statuses == [200, 422]
    credentials = {"email": alice.email, "password": NEW_PASSWORD}
    assert alice.client.post("/api/v1/auth/login", json=credentials).status_code == 200


def test_a_link_is_for_the_first_admin_by_default(flask, admin, bob):
    """Whose password was printed once, and lost."""
    assert flask("promote", bob.email).exit_code == 0
    made = flask("link")
    reset = {"token": made.output.strip().partition("#token=")[2], "new_password": NEW_PASSWORD}
    assert admin.client.post("/api/v1/auth/password/reset", json=reset).status_code == 200
    credentials = {"email": admin.email, "password": NEW_PASSWORD}
    assert admin.client.post("/api/v1/auth/login", json=credentials).status_code == 200


def test_there_is_no_link_without_an_active_account(flask, admin, alice):
    assert "no user with the address nobody@example.com" in flask("link", "nobody@example.com").output
    admin.patch(f"/users/{alice.id}", json={"active": False})
    refused = flask("link", alice.email)
    assert (refused.exit_code, "not active" in refused.output) == (1, True)


def test_a_link_is_in_the_audit_trail_without_its_token(flask, admin):
    token = flask("link").output.strip().partition("#token=")[2]
    (entry,) = admin.get("/audit?action=user.make_reset_link").json["data"]
    assert entry["target_id"] == admin.id
    assert token not in str(entry)


def test_an_address_counts_however_it_is_written(flask, alice, admin):
    admin.patch(f"/users/{alice.id}", json={"email": "zoë@bücher.example"})
    assert flask("promote", "Zoe\u0308@xn--bcher-kva.example").exit_code == 0
    assert admin.get(f"/users/{alice.id}").json["data"]["roles"] == ["admin", "member"]


def test_is_in_the_audit_trail_without_an_actor(flask, admin, alice):
    flask("promote", alice.email)
    (entry,) = admin.get("/audit", query_string={"action": "user.set_roles"}).json["data"]
    assert (entry["actor_id"], entry["target_id"], entry["address"]) == (None, alice.id, None)
