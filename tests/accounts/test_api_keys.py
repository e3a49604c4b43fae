"""`/api-keys`: secrets for programs."""

import logging
from datetime import timedelta

import cysqlite
import pytest

from backend.models.api_key import ApiKey
from backend.models.database import database
from backend.utils.clock import utcnow
from tests.conftest import ON_SQLITE, PASSWORD, Person
from tests.helpers import UNKNOWN_ID, details_of

FORM = [
    *("created_at", "expires_at", "hint", "id", "last_used_at", "name"),
    *("permissions", "revoked_at", "roles", "user_id"),
]
WRONG_VALUES = [
    ({"name": ""}, "name"),
    ({"name": None}, "name"),
    ({"roles": []}, "roles"),
    ({"roles": ["nobody"]}, "roles"),
    ({"roles": "member"}, "roles"),
    ({"expires_at": "tomorrow"}, "expires_at"),
    ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
    ({"secret": "ldr_mine"}, "secret"),
    ({"permissions": ["records:eat"]}, "permissions"),
    ({"permissions": "records:read"}, "permissions"),
]


@pytest.fixture
def maker(app, admin):
    """A user with the roles editor and maker; maker permits to create keys."""
    admin.post("/roles", json={"name": "maker", "permissions": ["api_keys:write", "audit:read"]})
    account = {"email": "maker@example.com", "name": "M", "password": PASSWORD, "roles": ["maker", "editor"]}
    assert admin.post("/users", json=account).status_code == 201
    return Person(app, "maker")


@pytest.fixture
def statements():
    """The statements that were executed, from now on."""
    log, found = logging.getLogger("peewee"), []
    handler = logging.Handler()
    # The pool reports rollbacks as plain texts, statements with their parameters.
    handler.emit = lambda record: isinstance(record.msg, tuple) and found.append(record.msg[0])
    before = log.level
    log.setLevel(logging.DEBUG)
    log.addHandler(handler)
    yield found
    log.removeHandler(handler)
    log.setLevel(before)


def make_key(person, **values):
    answer = person.post("/api-keys", json={"name": "Nightly", "roles": ["member"]} | values)
    assert answer.status_code == 201, answer.json
    made = answer.json["data"]
    assert person.get_made(answer) == {name: made[name] for name in made if name != "secret"}
    return made


def ask(person, secret, path="/auth/me", method="GET", **options):
    """Send a request with only the key."""
    headers = {"Authorization": f"Bearer {secret}"}
    return person.client.open(f"/api/v1{path}", method=method, headers=headers, **options)


def test_a_key_is_shown_once_and_stored_as_a_hash(maker):
    made = make_key(maker, roles=["editor"])
    secret = made.pop("secret")
    assert secret.startswith("ldr_")
    assert len(secret) > 40
    assert made["hint"] == secret[:8]
    assert sorted(made) == FORM
    assert maker.get(f"/api-keys/{made['id']}").json["data"] == made
    assert maker.get("/api-keys").json["data"] == [made]
    with database.connection_context():
        assert secret not in str(database.execute_sql("SELECT * FROM larder_api_keys").fetchall())


def test_a_key_acts_for_its_user(admin, maker):
    admin.declare("notes", {"title": {"type": "string"}}, access={"create": ["editor"], "read": ["owner"]})
    secret = make_key(maker, roles=["editor"])["secret"]
    assert ask(maker, secret).json["data"]["id"] == maker.id
    made = ask(maker, secret, "/notes", "POST", json={"title": "by night"})
    assert (made.status_code, made.json["data"]["created_by"]) == (201, maker.id)


@ON_SQLITE
@pytest.mark.parametrize(("values", "to_blame"), WRONG_VALUES)
def test_refuses_wrong_values(maker, values, to_blame):
    answer = maker.post("/api-keys", json={"name": "Nightly", "roles": ["member"]} | values)
    assert (answer.status_code, list(details_of(answer)["json"])) == (422, [to_blame])
    assert maker.get("/api-keys").json["data"] == []


def test_users_create_no_key_with_roles_that_they_lack(admin, maker):
    admin.post("/roles", json={"name": "auditor"})
    answers = {role: maker.post("/api-keys", json={"name": "N", "roles": [role]}) for role in ("admin", "auditor")}
    assert {role: answer.status_code for role, answer in answers.items()} == {"admin": 403, "auditor": 403}
    assert make_key(admin, roles=["auditor"])["roles"] == ["auditor"]


def test_a_key_loses_and_regains_the_roles_of_its_user(admin, maker):
    admin.declare("notes", {"title": {"type": "string"}}, access={"list": ["editor"]})
    secret = make_key(maker, roles=["editor", "member"])["secret"]
    assert ask(maker, secret, "/notes").status_code == 200
    admin.patch(f"/users/{maker.id}", json={"roles": ["maker"]})
    assert ask(maker, secret, "/notes").status_code == 403
    admin.patch(f"/users/{maker.id}", json={"roles": ["maker", "editor"]})
    assert ask(maker, secret, "/notes").status_code == 200


def test_an_admins_key_has_only_its_own_roles_and_loses_them_with_the_admin(admin, bob):
    admin.post("/roles", json={"name": "auditor", "permissions": ["audit:read"]})
    admin.patch(f"/users/{bob.id}", json={"roles": ["admin"]})
    secret = make_key(bob, roles=["auditor"])["secret"]
    assert (ask(bob, secret, "/audit").status_code, ask(bob, secret, "/users").status_code) == (200, 403)
    admin.patch(f"/users/{bob.id}", json={"roles": []})
    assert ask(bob, secret, "/audit").status_code == 403


def test_a_key_cannot_change_its_own_roles(admin, maker):
    secret = make_key(maker, roles=["maker"])["secret"]
    assert ask(maker, secret, "/api-keys").status_code == 200
    wider = ask(maker, secret, "/api-keys", "POST", json={"name": "N", "roles": ["editor"]})
    assert wider.status_code == 403
    key = admin.get("/api-keys").json["data"][0]
    assert ask(maker, secret, f"/api-keys/{key['id']}", "DELETE").status_code == 403


@pytest.fixture
def clerks_key(admin):
    """A key of the admin that may only manage users."""
    admin.post("/roles", json={"name": "clerk", "permissions": ["users:read", "users:write"]})
    return make_key(admin, roles=["clerk"])["secret"]


def test_a_key_cannot_change_its_user(app, admin, maker):
    admin.post("/roles", json={"name": "clerk", "permissions": ["users:read", "users:write"]})
    admin.patch(f"/users/{maker.id}", json={"roles": ["clerk", "maker"]})
    secret = make_key(maker, roles=["clerk", "maker"])["secret"]
    changes = [{"password": "staple battery horse correct"}, {"email": "eve@example.com"}, {"name": "E"}]
    for values in [*changes, {"active": False}, {"roles": []}, {"roles": [], "password": "staple battery horse"}]:
        assert ask(maker, secret, f"/users/{maker.id}", "PATCH", json=values).status_code == 403
    assert ask(maker, secret, f"/users/{maker.id}", "DELETE").status_code == 403
    assert Person(app, "maker").get("/auth/me").json["data"]["email"] == maker.email


def test_not_even_the_key_of_an_admin_changes_its_user(admin, bob):
    admin.patch(f"/users/{bob.id}", json={"roles": ["admin"]})
    secret, path = make_key(bob, roles=["admin"])["secret"], f"/users/{bob.id}"
    assert ask(bob, secret, path, "PATCH", json={"name": "B"}).status_code == 403
    assert ask(bob, secret, path, "DELETE").status_code == 403
    assert ask(bob, secret, f"/users/{admin.id}", "PATCH", json={"name": "A"}).status_code == 200


def test_a_key_changes_no_user_with_roles_that_it_lacks(admin, edith, alice, clerks_key):
    for path in (f"/users/{admin.id}", f"/users/{edith.id}"):
        for values in ({"password": "staple battery horse"}, {"roles": []}, {"active": False}):
            assert ask(admin, clerks_key, path, "PATCH", json=values).status_code == 403
        assert ask(admin, clerks_key, path, "DELETE").status_code == 403
    answer = ask(admin, clerks_key, f"/users/{alice.id}", "PATCH", json={"password": "staple battery horse"})
    assert answer.status_code == 200


def test_a_key_gives_no_role_that_it_does_not_have(admin, alice, clerks_key):
    """Not even one that its user has, nor one that holds no permission but opens records."""
    account = {"email": "carol@example.com", "name": "C", "password": PASSWORD}
    for role in ("admin", "editor"):
        assert ask(admin, clerks_key, "/users", "POST", json=account | {"roles": [role]}).status_code == 403
        assert ask(admin, clerks_key, f"/users/{alice.id}", "PATCH", json={"roles": [role]}).status_code == 403
    made = ask(admin, clerks_key, "/users", "POST", json=account | {"roles": ["clerk"]})
    assert (made.status_code, made.json["data"]["roles"]) == (201, ["clerk", "member"])


def test_a_key_does_not_get_a_new_role_with_the_name_of_a_deleted_one(admin):
    admin.post("/roles", json={"name": "auditor"})
    key = make_key(admin, roles=["auditor"])
    assert admin.delete("/roles/auditor").status_code == 409
    admin.delete(f"/api-keys/{key['id']}")
    assert admin.delete("/roles/auditor").status_code == 200
    admin.post("/roles", json={"name": "auditor", "permissions": ["audit:read"]})
    assert ask(admin, key["secret"], "/audit").status_code == 401


@ON_SQLITE
def test_a_key_cannot_do_what_needs_a_session(maker):
    secret = make_key(maker)["secret"]
    calls = [("POST", "/auth/logout"), ("GET", "/auth/sessions"), ("DELETE", "/auth/sessions")]
    calls += [("PATCH", "/auth/me"), ("POST", "/auth/password"), ("DELETE", f"/auth/sessions/{UNKNOWN_ID}")]
    answers = [ask(maker, secret, path, method, json={"name": "Eve"}) for method, path in calls]
    assert [answer.status_code for answer in answers] == [403] * len(calls)
    assert ask(maker, secret, "/auth/refresh", "POST").status_code == 401


def test_a_revoked_key_is_refused_and_still_listed(maker):
    made = make_key(maker)
    assert maker.delete(f"/api-keys/{made['id']}").status_code == 200
    assert ask(maker, made["secret"]).status_code == 401
    assert maker.get(f"/api-keys/{made['id']}").json["data"]["revoked_at"] is not None
    assert maker.delete(f"/api-keys/{made['id']}").status_code == 200


def test_a_key_expires(maker):
    soon = utcnow() + timedelta(hours=1)
    made = make_key(maker, expires_at=soon.isoformat())
    assert ask(maker, made["secret"]).status_code == 200
    with database.connection_context():
        ApiKey.update(expires_at=utcnow() - timedelta(seconds=1)).execute()
    assert ask(maker, made["secret"]).status_code == 401


@pytest.mark.parametrize("end", ["deactivated", "deleted"])
def test_no_key_outlives_its_user(admin, maker, end):
    secret, path = make_key(maker)["secret"], f"/users/{maker.id}"
    answer = admin.delete(path) if end == "deleted" else admin.patch(path, json={"active": False})
    assert answer.status_code == 200
    assert ask(maker, secret).status_code == 401


@ON_SQLITE
@pytest.mark.parametrize("secret", ["ldr_", "ldr_x", "ldr_" + "A" * 43, "ldr_\xff", "LDR_x", "ldr_' OR 1=1 --"])
def test_an_unknown_key_is_refused(maker, secret):
    make_key(maker)
    answer = ask(maker, secret)
    assert (answer.status_code, answer.json["error"]["code"]) == (401, "UNAUTHENTICATED")


def test_its_last_use_is_stored_once_a_minute(maker):
    made = make_key(maker)
    assert made["last_used_at"] is None

    def used_after_a_request():
        ask(maker, made["secret"])
        return maker.get(f"/api-keys/{made['id']}").json["data"]["last_used_at"]

    first = used_after_a_request()
    assert first is not None
    assert used_after_a_request() == first
    with database.connection_context():
        ApiKey.update(last_used_at=utcnow() - timedelta(seconds=61)).execute()
    assert used_after_a_request() > first


@ON_SQLITE
def test_a_key_reads_while_another_writer_holds_the_lock(settings, maker):
    made = make_key(maker)
    writer = cysqlite.connect(settings.database_url.removeprefix("sqlite:///"))
    writer.execute("BEGIN IMMEDIATE")
    assert ask(maker, made["secret"]).status_code == 200
    writer.execute("ROLLBACK")
    writer.close()
    assert ask(maker, made["secret"]).status_code == 200
    assert maker.get(f"/api-keys/{made['id']}").json["data"]["last_used_at"] is not None


def test_a_request_with_a_key_costs_one_read_beside_its_own(admin, maker, statements):
    admin.declare("notes", {"title": {"type": "string"}}, access={"create": ["editor"], "read": ["editor"]})
    secret, note = make_key(maker, roles=["editor"])["secret"], maker.make("notes", title="Milk")
    assert ask(maker, secret, f"/notes/{note['id']}").status_code == 200  # its use is noted here
    for bearer in (secret, maker.token):
        statements.clear()
        assert ask(maker, bearer, f"/notes/{note['id']}").status_code == 200
        assert len(statements) == 2, statements


def test_keys_of_other_users_are_visible_to_admins_only(admin, maker):
    made = make_key(admin)
    assert maker.get("/api-keys").json["data"] == []
    answers = [maker.send(method, f"/api-keys/{made['id']}") for method in ("GET", "DELETE")]
    assert [answer.status_code for answer in answers] == [404, 404]
    mine = make_key(maker)
    assert admin.delete(f"/api-keys/{mine['id']}").status_code == 200


def test_is_in_the_audit_trail_without_the_secret(maker):
    made = make_key(maker)
    ask(maker, made["secret"], "/users")
    maker.delete(f"/api-keys/{made['id']}")
    entries = maker.get("/audit", query_string={"actor_email": maker.email, "sort": "id"}).json["data"]
    assert [entry["action"] for entry in entries][-3:] == ["api_key.create", "call.refuse", "api_key.revoke"]
    assert entries[-2]["api_key_id"] == made["id"]
    assert made["secret"] not in str(entries)
