"""`POST /<name>`."""

import pytest

ACCESS = {"list": ["public"], "read": ["public"], "create": ["member"]}


@pytest.fixture
def notes(admin):
    """A resource of notes that members may write."""
    return admin.declare("notes", {"title": {"type": "string", "required": True, "max_length": 20}}, access=ACCESS)


def test_creates_a_record(notes, alice):
    response = alice.post("/notes", json={"title": "Milk"})
    assert response.status_code == 201
    record = response.json["data"]
    assert record["title"] == "Milk"
    assert record["created_by"] == alice.id
    assert response.headers["Location"] == f"/api/v1/notes/{record['id']}"
    assert response.headers["ETag"] == '"1"'


def test_needs_a_login(notes, stranger):
    response = stranger.post("/notes", json={"title": "Milk"})
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert stranger.get("/notes").json["data"] == []
