"""`GET /audit`: who did what to whom."""

from tests.conftest import ON_SQLITE, PASSWORD


def actions(person, query=""):
    answer = person.get(f"/audit?{query}")
    assert answer.status_code == 200, answer.json
    return [entry["action"] for entry in answer.json["data"]]


def test_tells_who_what_whom_and_from_where(admin, bob):
    changed = admin.patch(f"/users/{bob.id}", json={"name": "Robert"})
    (entry,) = admin.get("/audit?action=user.update").json["data"]
    assert (entry["actor_id"], entry["actor_email"]) == (admin.id, "admin@example.com")
    assert (entry["target_type"], entry["target_id"], entry["details"]) == ("user", bob.id, {"name": "Robert"})
    assert (entry["address"], entry["request_id"]) == ("127.0.0.1", changed.headers["X-Request-ID"])


def test_the_latest_comes_first_and_filters_narrow(admin):
    admin.declare("notes", {"title": {"type": "string"}})
    admin.put("/resources/notes", json={"fields": {"title": {"type": "string"}}, "description": "Notes"})
    admin.delete("/resources/notes")
    changes = ["resource.delete", "resource.update", "resource.create"]
    assert actions(admin, "target_type=resource&target_id=notes") == changes
    assert actions(admin, "target_type=resource&sort=id&per_page=2") == changes[:0:-1]
    first = admin.get("/audit?target_type=resource&per_page=2").json
    assert actions(admin, f"target_type=resource&per_page=2&cursor={first['meta']['next_cursor']}") == changes[2:]
    assert actions(admin, "created_at__lt=2020-01-01T00:00:00Z") == []


def test_a_change_that_does_not_happen_leaves_no_entry(admin):
    admin.declare("notes", {"title": {"type": "string"}})
    admin.make("notes", title="Milk")
    admin.put("/resources/notes", json={"fields": {"title": {"type": "integer", "required": True}}})
    admin.post("/resources", json={"name": "notes", "fields": {"title": {"type": "string"}}})
    assert actions(admin, "target_type=resource") == ["resource.create"]


def test_refused_sign_ins_are_told_without_what_was_typed(admin, alice):
    for email in (alice.email, "stranger@example.com"):
        credentials = {"email": email, "password": "a wrong secret"}
        assert alice.client.post("/api/v1/auth/login", json=credentials).status_code == 401
    entries = admin.get("/audit?action=session.refuse&sort=id").json["data"]
    assert [entry["target_id"] for entry in entries] == [alice.id, None]
    assert "secret" not in str(entries) and "stranger" not in str(entries)


def test_refused_calls_of_the_system_are_told(admin, alice, stranger):
    assert alice.post("/users", json={"password": PASSWORD}).status_code == 403
    assert stranger.post("/users", json={}).status_code == 401
    (entry,) = admin.get("/audit?action=call.refuse").json["data"]
    assert (entry["actor_email"], entry["target_id"]) == (alice.email, "/api/v1/users")
    assert entry["details"] == {"method": "POST", "needs": ["users:write"]}


@ON_SQLITE
def test_is_only_read(admin):
    assert [admin.send(method, "/audit").status_code for method in ("POST", "PUT", "PATCH", "DELETE")] == [405] * 4
