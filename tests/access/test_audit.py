"""`GET /audit`: who did what."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from backend.models.audit import AuditEntry
from backend.models.database import database
from backend.services.access import audit
from backend.services.operation import cleanup
from backend.utils.clock import utcnow
from tests.conftest import ON_SQLITE, PASSWORD


@pytest.fixture(autouse=True)
def one_hour(monkeypatch):
    """No hour ends between two calls: those of another hour are counted separately."""
    monkeypatch.setattr(audit, "COUNTED_FOR_SECONDS", 10**12)


def actions(person, query=""):
    answer = person.get(f"/audit?{query}")
    assert answer.status_code == 200, answer.json
    return [entry["action"] for entry in answer.json["data"]]


def test_shows_who_did_what_to_whom_and_from_where(admin, bob):
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


def test_refused_sign_ins_are_recorded_without_what_was_typed(admin, alice):
    for email in (alice.email, "stranger@example.com"):
        credentials = {"email": email, "password": "a wrong secret"}
        assert alice.client.post("/api/v1/auth/login", json=credentials).status_code == 401
    entries = admin.get("/audit?action=session.refuse&sort=id").json["data"]
    assert [entry["target_id"] for entry in entries] == [alice.id, None]
    assert "secret" not in str(entries)
    assert "stranger" not in str(entries)


def test_refused_calls_are_recorded(admin, alice, stranger):
    assert alice.post("/users", json={"password": PASSWORD}).status_code == 403
    assert stranger.post("/users", json={}).status_code == 401
    (entry,) = admin.get("/audit?action=call.refuse").json["data"]
    assert (entry["actor_email"], entry["target_id"]) == (alice.email, "/api/v1/users")
    assert entry["details"] == {"method": "POST", "needs": ["users:write"]}


def test_refused_calls_are_counted_by_their_route(admin, alice):
    """So callers cannot fill the trail by repeating a call or by choosing paths."""
    for number in range(20):
        assert alice.get(f"/users/0193e0f4-0000-7000-8000-0000000000{number:02}").status_code == 403
    for path in ("/roles/" + "x" * 2000, "/roles/%00", "/roles/%F0%9F%A6%86", "/roles/a", "/resources/%00/versions"):
        assert alice.get(path).status_code == 403
        assert admin.get(path).status_code == 404
    entries = admin.get("/audit?action=call.refuse&sort=id").json["data"]
    assert [(entry["target_type"], entry["target_id"], entry["times"]) for entry in entries] == [
        ("route", "/api/v1/users/<uuid:user_id>", 20),
        ("route", "/api/v1/roles/<name>", 4),
        ("route", "/api/v1/resources/<name>/versions", 1),
    ]
    assert [entry["last_at"] is None for entry in entries] == [False, False, True]
    assert entries[0]["last_at"] > entries[0]["created_at"]


def test_refusals_of_different_users_methods_and_hours_are_counted_separately(admin, alice, bob):
    for person, call in ((alice, "get"), (alice, "post"), (bob, "get"), (bob, "get")):
        assert getattr(person, call)("/users").status_code == 403
    entries = admin.get("/audit?action=call.refuse&sort=id").json["data"]
    counted = [(entry["actor_email"], entry["details"]["method"], entry["times"]) for entry in entries]
    assert counted == [(alice.email, "GET", 1), (alice.email, "POST", 1), (bob.email, "GET", 2)]
    with database.connection_context():
        AuditEntry.update(counted_as=None).execute()  # as in the hour after
    bob.get("/users")
    assert admin.get("/audit?action=call.refuse&times=1").json["meta"]["total"] == 3


def test_refusals_at_the_same_instant_are_counted_once_each(app, admin, alice):
    token, clients = alice.token, [app.test_client() for _ in range(4)]

    def ask(client):
        return client.get("/api/v1/users", headers={"Authorization": f"Bearer {token}"}).status_code

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(ask, clients * 5)) == {403}
    assert [entry["times"] for entry in admin.get("/audit?action=call.refuse").json["data"]] == [20]


def test_refused_sign_ins_are_counted_by_user(admin, alice):
    for email in (alice.email, "a@example.com", "b@example.com", "ALICE@example.com"):
        alice.client.post("/api/v1/auth/login", json={"email": email, "password": "a wrong secret"})
    entries = admin.get("/audit?action=session.refuse&sort=id").json["data"]
    assert [(entry["target_id"], entry["times"]) for entry in entries] == [(alice.id, 2), (None, 2)]


def test_long_details_are_left_out(admin, alice):
    admin.put("/users/settings", json={"fields": {"about": {"type": "text", "writable_by": ["member"]}}})
    assert alice.patch("/auth/me", json={"profile": {"about": "x" * 100_000}}).status_code == 200
    (entry,) = admin.get("/audit?action=user.update").json["data"]
    assert entry["details"] == {"left_out": ["profile"]}


def test_old_entries_are_deleted_by_the_clean_up(app, admin, monkeypatch):
    monkeypatch.setattr(audit, "DELETED_AT_ONCE", 2)
    admin.declare("notes", {"title": {"type": "string"}})
    with database.connection_context():
        for days in (400, 399, 366, 364):
            AuditEntry.create(action="of.old", details={}, created_at=utcnow() - timedelta(days=days))
    cleanup.clean_up(app.settings)
    assert admin.get("/audit?action=of.old").json["meta"]["total"] == 1
    cleanup.clean_up(replace(app.settings, audit_keep_days=1))
    assert admin.get("/audit?action=of.old").json["meta"]["total"] == 0
    assert actions(admin, "target_type=resource") == ["resource.create"]


@ON_SQLITE
def test_entries_cannot_be_changed(admin):
    assert [admin.send(method, "/audit").status_code for method in ("POST", "PUT", "PATCH", "DELETE")] == [405] * 4
