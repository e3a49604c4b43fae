"""Backups through the API: one, its file, and whether it is intact."""

import os
import zipfile
from dataclasses import replace
from io import BytesIO

import pytest

from backend import create_app
from backend.models.database import database
from backend.services.backups.folder import working_folder
from tests.conftest import ON_SQLITE, Person
from tests.helpers import assert_failure

DAMAGES = {
    "an empty file": lambda content: b"",
    "no zip": lambda content: b"PK\x03\x04" + bytes(1000),
    "half a file": lambda content: content[: len(content) // 2],
    "another byte": lambda content: content[:500] + bytes([content[500] ^ 1]) + content[501:],
}
ELSEWHERE = ("..%2Flarder.db", "larder.db", ".lock", "larder-20260101T000000000000Z.zip", "%00", "x" * 300)


@pytest.fixture
def name(admin):
    """The name of a backup in place."""
    return admin.post("/backups").json["data"]["name"]


def actions(admin):
    """Return the actor, the action and the target of each entry about backups, the latest first."""
    entries = admin.get("/audit?target_type=backup").json["data"]
    return [(entry["actor_name"], entry["action"], entry["target_id"]) for entry in entries]


def status(person, path):
    """Return the status of a GET, whose body is not read."""
    answer = person.get(path)
    answer.close()
    return answer.status_code


def test_a_backup_is_shown_and_downloaded_as_it_is_on_the_disk(admin, settings):
    made = admin.post("/backups")
    assert admin.get_made(made) == made.json["data"]
    name = made.json["data"]["name"]
    head = admin.send("HEAD", f"/backups/{name}/file")
    answer = admin.get(f"/backups/{name}/file")
    assert answer.data == (settings.backup_dir / name).read_bytes()
    assert zipfile.ZipFile(BytesIO(answer.data)).testzip() is None
    assert (answer.mimetype, answer.headers["Cache-Control"]) == ("application/zip", "no-store")
    for header in ("Content-Length", "Content-Disposition"):
        assert head.headers[header] == answer.headers[header]
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert int(answer.headers["Content-Length"]) == made.json["data"]["bytes"]
    assert head.data == b""
    answer.close()
    assert actions(admin) == [("Admin", "backup.download", name), ("Admin", "backup.create", name)]


@ON_SQLITE
def test_copies_are_listed_also_if_the_folder_has_them_no_more(settings, tmp_path, stranger):
    settings = replace(settings, backup_target=f"file://{tmp_path}/copies")
    admin = Person(create_app(settings), "admin")
    assert admin.get("/backups/copies").json["data"] == []
    older, newer = (admin.post("/backups").json["data"] for _ in range(2))
    (settings.backup_dir / older["name"]).unlink()
    (tmp_path / "copies" / "notes.txt").write_text("no backup")
    found = admin.get("/backups/copies").json["data"]
    assert [each["name"] for each in admin.get("/backups").json["data"]] == [newer["name"]]
    assert [(each["name"], each["bytes"], each["is_in_folder"]) for each in found] == [
        (newer["name"], newer["bytes"], True),
        (older["name"], older["bytes"], False),
    ]
    assert found[1]["created_at"] <= older["created_at"].replace("Z", ".999999Z")
    assert stranger.get("/backups/copies").status_code == 401
    without_target = Person(create_app(replace(settings, backup_target=None)), "admin")
    assert without_target.get("/backups/copies").json["data"] == []
    (tmp_path / "file").touch()
    broken = Person(create_app(replace(settings, backup_target=f"file://{tmp_path}/file/copies")), "admin")
    answer = broken.get("/backups/copies")
    assert_failure(answer, 503, "UNAVAILABLE")
    assert "LARDER_BACKUP_TARGET cannot be used" in answer.json["error"]["message"]
    assert len(broken.get("/backups").json["data"]) == 1
    database.close_all()


def test_an_intact_backup_is_verified(admin, name, settings):
    answer = admin.post(f"/backups/{name}/verification")
    assert answer.json["data"] == {"name": name, "is_intact": True, "damage": None}
    with working_folder(settings.backup_dir):
        assert_failure(admin.post(f"/backups/{name}/verification"), 409, "CONFLICT")
    assert sorted(os.listdir(settings.backup_dir)) == [".lock", name]


@ON_SQLITE
def test_a_damaged_backup_is_found(admin, name, settings):
    path, intact = settings.backup_dir / name, (settings.backup_dir / name).read_bytes()
    for what, damage in DAMAGES.items():
        path.write_bytes(damage(intact))
        found = admin.post(f"/backups/{name}/verification").json["data"]
        assert (found["is_intact"], bool(found["damage"])) == (False, True), what
        assert str(settings.backup_dir) not in found["damage"], what
        path.write_bytes(intact)
    assert admin.post(f"/backups/{name}/verification").json["data"]["is_intact"]


@ON_SQLITE
def test_only_backups_of_the_folder_are_found(admin, name, settings):
    (settings.backup_dir / "notes.zip").write_bytes(b"x")
    for other in (*ELSEWHERE, "notes.zip", f".%2F{name}"):
        for method, path in (("GET", ""), ("GET", "/file"), ("HEAD", "/file"), ("POST", "/verification")):
            assert admin.send(method, f"/backups/{other}{path}").status_code == 404, (method, other)
    assert len(actions(admin)) == 1


def test_a_download_needs_its_own_permission_and_a_session(admin, alice, edith, stranger, name):
    file = f"/backups/{name}/file"
    assert [status(person, file) for person in (stranger, alice, edith)] == [401, 403, 403]
    admin.post("/roles", json={"name": "maker", "permissions": ["backups:write"]})
    admin.post("/roles", json={"name": "keeper", "permissions": ["backups:download"]})
    admin.patch(f"/users/{alice.id}", json={"roles": ["member", "maker"]})
    admin.patch(f"/users/{edith.id}", json={"roles": ["member", "keeper"]})
    assert [status(alice, path) for path in (f"/backups/{name}", file)] == [200, 403]
    assert [status(edith, path) for path in (f"/backups/{name}", file)] == [403, 200]
    key = admin.post("/api-keys", json={"name": "key", "roles": ["admin"]}).json["data"]["secret"]
    refused = stranger.get(file, headers={"Authorization": f"Bearer {key}"})
    assert_failure(refused, 403, "FORBIDDEN")
    assert [action for _, action, _ in actions(admin)] == ["backup.download", "backup.create"]
