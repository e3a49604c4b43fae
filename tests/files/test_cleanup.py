"""The nightly clean-up of files, and the check of `flask doctor` that compares the storage with the rows."""

import os
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest

from backend.models.database import database
from backend.models.file import File
from backend.services.files import comparison
from backend.services.files.storage import storage
from backend.services.operation.file_cleanup import TooManyOrphans, clean_up_files
from backend.utils.clock import utcnow
from backend.utils.ids import uuid7
from tests.helpers import OPEN
from tests.parts.files import WITH_FILES, uploaded

CHECKS = "http://localhost/health/checks"


@pytest.fixture(autouse=True)
def places(admin):
    """A resource with a field for a file."""
    admin.declare("places", WITH_FILES, access=OPEN)


def age(file_id, hours):
    """Let a file be this old."""
    then = utcnow() - timedelta(hours=hours)
    with database.connection_context():
        File.update(created_at=then).where(File.id == file_id).execute()
    os.utime(path_of(file_id), (then.timestamp(), then.timestamp()))


def path_of(file_id):
    with storage.open_file(file_id) as file:
        return Path(file.name)


def orphan(hours):
    """Store bytes without a row, which are this old; return their id."""
    file_id = uuid7()
    storage.save(file_id, BytesIO(b"left over"))
    age(file_id, hours)
    return file_id


def kept():
    """Return the ids of the files that are stored, which must be those that have a row, and orphans."""
    with database.connection_context():
        return {file.id for file in storage.stored()}, {row.id for row in File.select()}


def test_the_clean_up_deletes_what_nobody_needs(settings, alice):
    attached, removed, removed_lately, staged, staged_lately = (uploaded(alice)["id"] for _ in range(5))
    place = alice.make("places", photo=removed)
    for file_id in (removed_lately, attached):
        assert alice.patch(f"/places/{place['id']}", json={"photo": file_id}).status_code == 200
    with database.connection_context():
        File.update(removed_at=utcnow() - timedelta(days=15)).where(File.id == removed).execute()
        File.update(removed_at=utcnow() - timedelta(days=13)).where(File.id == removed_lately).execute()
    for file_id, hours in (
        (attached, 1000),
        (removed, 1000),
        (removed_lately, 1000),
        (staged, 25),
        (staged_lately, 23),
    ):
        age(file_id, hours)
    old, young = orphan(25), orphan(23)
    clean_up_files(settings)
    rest = {attached, removed_lately, staged_lately}
    assert kept() == (rest | {young}, rest)
    assert old != young
    assert alice.get(f"/places/{place['id']}").json["data"]["photo"]["id"] == attached
    clean_up_files(replace(settings, files_keep_days=0))
    assert kept() == ({attached, staged_lately, young}, {attached, staged_lately})


def test_a_storage_of_somebody_else_is_not_cleaned_up(settings, admin, alice, monkeypatch):
    monkeypatch.setattr(comparison, "MOST_ORPHANS", 2)
    mine = uploaded(alice)["id"]
    theirs = [orphan(25) for _ in range(3)]
    with pytest.raises(TooManyOrphans, match="3 of 4 files in LARDER_FILES have no row"):
        clean_up_files(settings)
    assert kept() == ({mine, *theirs}, {mine})
    check = storage_check(admin)
    assert (check["state"], check["message"][:13]) == ("warning", "3 files in fi")


def storage_check(admin):
    """Return the check of the storage as the API returns it."""
    return next(check for check in admin.get(CHECKS).json["data"] if check["name"] == "storage")


@contextmanager
def moved(path):
    """Move a file away until the end of the block."""
    away = path.rename(path.with_name("away"))
    yield
    away.rename(path)


def test_the_doctor_compares_the_storage_with_the_rows(admin, alice, monkeypatch):
    assert storage_check(admin)["message"] == "Files can be uploaded."
    one, other = uploaded(alice)["id"], uploaded(alice)["id"]
    orphan(25)
    for file_id in (one, other):
        age(file_id, 1)
    check = storage_check(admin)
    assert check["state"] == "ok"
    assert check["message"] == "All 2 files are stored. 1 more have no row and are deleted next night."
    with moved(path_of(one)):
        check = storage_check(admin)
        assert check["state"] == "failure"
        assert check["message"].startswith("1 files are not in file://")
        assert check["message"].endswith(f"such as {one}.")
        monkeypatch.setattr(comparison, "AT_ONCE", 1)
        monkeypatch.setattr(comparison, "monotonic", iter(range(0, 1_000_000, 100)).__next__)
        assert one in storage_check(admin)["message"]
    check = storage_check(admin)
    assert (check["state"], check["message"]) == ("ok", "There are 2 files; the latest are stored.")


def test_the_doctor_finds_a_storage_that_cannot_be_used(admin, settings):
    folder = Path(settings.files.removeprefix("file://"))
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("a file where the folder should be")
    check = storage_check(admin)
    assert check["state"] == "failure"
    assert "cannot be used" in check["message"]
