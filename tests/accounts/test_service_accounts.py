"""Service accounts: accounts of programs, which act by their API keys alone."""

from dataclasses import replace

import pytest

from backend.models.database import database
from backend.models.user import UserRole
from backend.services.accounts import sign_in
from tests.conftest import ON_SQLITE, PASSWORD, Person
from tests.helpers import CSV, bearer, details_of

FIELDS = {"title": {"type": "string"}, "owner": {"type": "reference", "to": "users", "default": "$user.id"}}
ACCESS = {action: ["owner"] for action in ("list", "read", "update", "delete")} | {"create": ["editor"]}
NAME = "Nightly import"


@pytest.fixture
def service(admin):
    """A service account with the role editor, and with a secret of a key that has its roles."""
    return make_service(admin)


@pytest.fixture
def clerk(app, admin):
    """A user who manages users and keys, with the role editor."""
    permissions = ["users:read", "users:write", "api_keys:write"]
    admin.post("/roles", json={"name": "clerk", "permissions": permissions})
    account = {"email": "clerk@example.com", "name": "C", "password": PASSWORD, "roles": ["clerk", "editor"]}
    assert admin.post("/users", json=account).status_code == 201
    return Person(app, "clerk")


def make_service(person, **values):
    answer = person.post("/users/services", json={"name": NAME, "roles": ["editor"]} | values)
    assert answer.status_code == 201, answer.json
    made = answer.json["data"]
    assert person.get_made(answer) == made
    return made | {"secret": make_key(person, made["id"]).json["data"]["secret"]}


def make_key(person, user_id, **values):
    return person.post("/api-keys", json={"name": "Key", "user_id": user_id} | values)


def ask(person, secret, path, method="GET", **options):
    return person.client.open(f"/api/v1{path}", method=method, headers=bearer(secret), **options)


def blamed(answer):
    return answer.status_code, sorted(answer.json["error"]["details"]["json"])


def test_is_a_user_without_address_and_password(admin, service):
    shown = admin.get(f"/users/{service['id']}").json["data"]
    assert (shown["kind"], shown["email"], shown["name"], shown["verified_at"]) == ("service", None, NAME, None)
    assert (shown["roles"], shown["profile"], shown["active"]) == (["editor"], {}, True)
    (listed,) = admin.get("/users?kind=service").json["data"]
    assert listed == shown
    assert NAME not in admin.get("/users?kind=person&fields=name").text
    assert admin.get("/users?email__isnull=true").json["meta"]["total"] == 1
    assert [each["email"] for each in admin.get("/users?sort=email").json["data"]][-1] is None


def test_its_key_acts_with_its_name(admin, bob, service):
    admin.declare("notes", FIELDS, access=ACCESS, history=True)
    secret = service["secret"]
    me = ask(bob, secret, "/auth/me").json["data"]
    assert (me["id"], me["kind"], me["email"], me["name"]) == (service["id"], "service", None, NAME)
    assert (me["roles"], me["api_key"]["name"]) == (["editor"], "Key")
    note = ask(bob, secret, "/notes", "POST", json={"title": "A"}).json["data"]
    assert note["created_by"] == note["owner"] == service["id"]
    assert ask(bob, secret, f"/notes/{note['id']}", "PATCH", json={"title": "B"}).status_code == 200
    assert bob.get(f"/notes/{note['id']}").status_code == 404
    assert {each["changed_by"] for each in admin.get(f"/notes/{note['id']}/history").json["data"]} == {service["id"]}
    expanded = admin.get(f"/notes/{note['id']}?expand=owner").json["data"]["expand"]["owner"]
    assert expanded == {"id": service["id"], "name": NAME}
    assert NAME in [each["name"] for each in bob.get("/directory").json["data"]]


def test_is_in_the_audit_trail_with_its_name(admin, service):
    assert ask(admin, service["secret"], "/users").status_code == 403
    (entry,) = admin.get("/audit?action=call.refuse").json["data"]
    assert (entry["actor_id"], entry["actor_email"], entry["actor_name"]) == (service["id"], None, NAME)
    (made,) = admin.get(f"/audit?action=user.create&target_id={service['id']}").json["data"]
    assert made["actor_name"] == "Admin"
    assert made["details"] == {"kind": "service", "name": NAME, "roles": ["editor"]}


def test_its_key_ends_with_the_account_and_its_roles(admin, service):
    path, secret = f"/users/{service['id']}", service["secret"]
    admin.declare("notes", FIELDS, access={"list": ["editor"]})
    assert ask(admin, secret, "/notes").status_code == 200
    assert admin.patch(path, json={"roles": []}).json["data"]["roles"] == []
    assert ask(admin, secret, "/notes").status_code == 403
    assert admin.patch(path, json={"roles": ["editor"], "active": False}).status_code == 200
    assert ask(admin, secret, "/notes").status_code == 401
    assert admin.patch(path, json={"active": True}).status_code == 200
    assert ask(admin, secret, "/notes").status_code == 200
    assert admin.delete(path).status_code == 200
    assert ask(admin, secret, "/notes").status_code == 401
    assert admin.get("/api-keys").json["data"] == []


def test_cannot_sign_in_or_change_itself(app, admin, service):
    for email in (NAME, "", "None", "null", service["id"]):
        answer = Person(app).post("/auth/login", json={"email": email, "password": PASSWORD})
        assert answer.status_code in (401, 422)
    for values in (
        {"email": "robot@example.com"},
        {"password": PASSWORD},
        {"email": "r@example.com", "password": PASSWORD},
    ):
        answer = admin.patch(f"/users/{service['id']}", json=values)
        assert blamed(answer) == (422, sorted(values))
    replaced = admin.put(f"/users/{service['id']}", json={"email": "robot@example.com", "name": "R"})
    assert blamed(replaced) == (422, ["email"])
    secret = service["secret"]
    assert ask(admin, secret, "/auth/me", "PATCH", json={"name": "R"}).status_code == 403
    assert ask(admin, secret, "/auth/sessions").status_code == 403
    assert admin.get(f"/users/{service['id']}").json["data"]["name"] == NAME


def test_has_a_name_of_its_own_among_services(admin, service):
    again = admin.post("/users/services", json={"name": NAME})
    assert (again.status_code, details_of(again)) == (409, {"json": {"name": ["Already taken."]}})
    other = make_service(admin, name="Other")
    assert admin.patch(f"/users/{other['id']}", json={"name": NAME}).status_code == 409
    assert admin.patch(f"/users/{other['id']}", json={"name": "Alice"}).json["data"]["name"] == "Alice"
    assert admin.patch(f"/users/{other['id']}", json={"name": "Alice", "active": False}).status_code == 200


@ON_SQLITE
@pytest.mark.parametrize(
    ("values", "to_blame"),
    [
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"roles": ["nobody"]}, "roles"),
        ({"email": "robot@example.com"}, "email"),
        ({"password": PASSWORD}, "password"),
        ({"profile": {"team": "a"}}, "profile"),
    ],
)
def test_refuses_wrong_values(admin, values, to_blame):
    assert blamed(admin.post("/users/services", json={"name": NAME} | values)) == (422, [to_blame])
    assert admin.get("/users").json["meta"]["total"] == 4


def test_user_managers_make_services_and_keys_with_the_roles_that_they_have(admin, alice, clerk, service):
    assert alice.post("/users/services", json={"name": "S"}).status_code == 403
    assert clerk.post("/users/services", json={"name": "S", "roles": ["admin"]}).status_code == 403
    assert make_service(clerk, name="Clerk's")["roles"] == ["editor"]
    assert len(clerk.get("/api-keys").json["data"]) == 2
    admin.patch(f"/users/{service['id']}", json={"roles": ["editor", "admin"]})
    assert make_key(clerk, service["id"], roles=["editor"]).status_code == 403
    (key,) = [each for each in admin.get("/api-keys").json["data"] if each["user_id"] == service["id"]]
    assert clerk.delete(f"/api-keys/{key['id']}").status_code == 403
    assert clerk.patch(f"/users/{service['id']}", json={"active": False}).status_code == 403
    admin.patch(f"/users/{service['id']}", json={"roles": ["editor"]})
    assert clerk.delete(f"/api-keys/{key['id']}").status_code == 200
    assert ask(admin, service["secret"], "/auth/me").status_code == 401


def test_only_user_managers_make_keys_of_services_and_nobody_of_other_people(admin, app, clerk, edith, service):
    admin.post("/roles", json={"name": "maker", "permissions": ["api_keys:write"]})
    admin.patch(f"/users/{edith.id}", json={"roles": ["editor", "maker"]})
    assert make_key(edith, service["id"]).status_code == 403
    assert edith.get("/api-keys").json["data"] == []
    nobody = "0193e0f4-0000-7000-8000-000000000000"
    assert make_key(edith, nobody).status_code == 403
    for person in (clerk, admin):
        for user_id in (nobody, edith.id):
            assert blamed(make_key(person, user_id, roles=["member"])) == (422, ["user_id"])
    assert make_key(edith, edith.id, roles=["editor"]).json["data"]["user_id"] == edith.id


def test_a_key_of_a_service_has_nothing_that_the_service_lacks(admin, service):
    assert blamed(make_key(admin, service["id"], roles=["admin"])) == (422, ["roles"])
    assert blamed(make_key(admin, service["id"], permissions=["records:read"])) == (422, ["permissions"])
    bare = admin.post("/users/services", json={"name": "Bare"}).json["data"]
    assert blamed(make_key(admin, bare["id"])) == (422, ["roles"])
    admin.post("/roles", json={"name": "reader", "permissions": ["records:read"]})
    admin.patch(f"/users/{bare['id']}", json={"roles": ["reader"]})
    secret = make_key(admin, bare["id"], permissions=["records:read"]).json["data"]["secret"]
    admin.declare("notes", FIELDS)
    assert ask(admin, secret, "/notes").status_code == 200
    admin.patch(f"/users/{bare['id']}", json={"roles": []})
    assert ask(admin, secret, "/notes").status_code == 403


def test_is_no_last_admin(settings, admin, service):
    admin.patch(f"/users/{service['id']}", json={"roles": ["admin"]})
    for change in ({"active": False}, {"roles": []}):
        assert admin.patch(f"/users/{admin.id}", json=change).status_code == 409
    assert admin.delete(f"/users/{admin.id}").status_code == 409
    secret = make_key(admin, service["id"]).json["data"]["secret"]
    assert ask(admin, secret, f"/users/{admin.id}", "DELETE").status_code == 409
    UserRole.delete().where(UserRole.user_id == admin.id).execute()
    database.close()
    assert sign_in.create_first_admin(replace(settings, admin_email="root@example.com"))[0] == "root@example.com"


def test_its_records_are_settled_when_it_is_deleted(admin, bob, service):
    fields = {"title": {"type": "string"}}
    for name, rule in (("logs", "cascade"), ("notes", "set_null")):
        admin.declare(name, fields, access={"create": ["editor"]}, on_owner_delete=rule)
        assert ask(bob, service["secret"], f"/{name}", "POST", json={"title": "A"}).status_code == 201
    assert admin.delete(f"/users/{service['id']}").status_code == 200
    assert admin.get("/logs").json["data"] == []
    assert [each["created_by"] for each in admin.get("/notes").json["data"]] == [None]


def test_an_export_with_addresses_names_a_service_that_has_none(app, admin, service, tmp_path):
    admin.declare("notes", FIELDS, access=ACCESS)
    ask(admin, service["secret"], "/notes", "POST", json={"title": "A"})
    run = app.test_cli_runner().invoke
    refused = run(args=["records", "export", "notes", str(tmp_path / "notes.csv"), "--addresses"])
    assert (refused.exit_code, f"notes refers to {NAME}" in refused.output) == (1, True)
    assert run(args=["records", "export", "notes", str(tmp_path / "ids.csv")]).exit_code == 0
    content = (tmp_path / "ids.csv").read_text()
    assert service["id"] in content
    admin.delete("/notes/" + admin.get("/notes").json["data"][0]["id"])
    loaded = admin.post("/notes/import", data=content, content_type=CSV)
    assert loaded.json["data"]["created"] == 1, loaded.json
    (note,) = admin.get("/notes").json["data"]
    assert note["created_by"] == note["owner"] == service["id"]


@ON_SQLITE
def test_the_command_line_makes_services_and_keys(app, admin):
    run = app.test_cli_runner().invoke
    made = run(args=["users", "create-service", NAME, "--role", "editor"])
    assert (made.exit_code, made.output) == (0, f"created {NAME}\n")
    assert run(args=["users", "create-service", NAME]).exit_code == 1
    key = run(args=["users", "create-key", NAME])
    assert (key.exit_code, key.output.startswith("ldr_")) == (0, True)
    assert ask(admin, key.output.strip(), "/auth/me").json["data"]["roles"] == ["editor"]
    assert run(args=["users", "create-key", "Nobody"]).exit_code == 1
    assert run(args=["users", "create-key", NAME, "--permission", "records:read"]).exit_code == 1
    assert NAME in run(args=["users", "list"]).output
    assert run(args=["users", "promote", NAME]).exit_code == 0
    assert run(args=["users", "delete", NAME, "--yes"]).exit_code == 0
    assert ask(admin, key.output.strip(), "/auth/me").status_code == 401
