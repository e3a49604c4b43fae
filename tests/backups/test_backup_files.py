"""Files in backups: copied once, listed with checksums, verified, put back by a restore, pruned."""

import hashlib
import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from backend.models.database import connected
from backend.models.file import File
from backend.services.backups.backups import back_up
from backend.services.errors import Unavailable
from backend.services.files.storage import open_storage, storage
from tests.conftest import ON_SQLITE, Person
from tests.helpers import OPEN, files_of_at_most
from tests.parts.backups import app_with, contents, make_backup, other_machine, restore
from tests.parts.files import states
from tests.parts.s3 import running_s3


@pytest.fixture
def places(admin):
    """A resource with a file, open to all members."""
    return admin.declare("places", {"photo": {"type": "file"}}, access=OPEN)


def upload(person, content):
    """Return the id of an uploaded file."""
    answer = person.post("/files", data=content, headers={"Content-Type": "text/plain"})
    assert answer.status_code == 201, answer.json
    return answer.json["data"]["id"]


def add(person, content):
    """Return the record with a file of this content, and the id of the file."""
    file_id = upload(person, content)
    return person.make("places", photo=file_id)["id"], file_id


def clean_up(file_id):
    """Delete a file, as the clean-up does some days after it was removed."""
    with connected():
        File.delete().where(File.id == file_id).execute()
    storage.delete([file_id])


def ids_in(url):
    """Return the ids of the files in a storage."""
    return {file.id for file in open_storage(url).stored()}


def test_a_backup_lists_its_files_and_keeps_one_copy_of_each(places, run, admin, alice, settings):
    _, kept = add(alice, b"kept")
    record, removed = add(alice, b"removed")
    staged = upload(alice, b"staged")
    alice.delete(f"/places/{record}")
    path, copied = make_backup(run), settings.backup_dir / "file-copies"
    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        listed = [json.loads(line) for line in archive.read("files.ndjson").splitlines()]
    assert (manifest["format"], manifest["files"], manifest["files_bytes"]) == (2, 2, 10)
    facts = {"id": kept, "bytes": 4, "sha256": hashlib.sha256(b"kept").hexdigest(), "is_staged": False}
    assert listed[0] == facts
    assert (listed[1]["id"], listed[1]["is_staged"]) == (staged, True)
    assert ids_in(f"file://{copied}") == {kept, staged}
    assert ids_in(settings.files) == {kept, staged, removed}
    (copy,) = copied.rglob(kept)
    (original,) = Path(settings.files.removeprefix("file://")).rglob(kept)
    assert copy.samefile(original)  # on one disk it needs no more room
    assert run("verify", path).exit_code == 0
    assert "2 (10" in run("list").output
    before = copy.stat().st_ctime_ns
    assert admin.post("/backups").json["data"]["files"] == 2
    assert copy.stat().st_ctime_ns == before


def test_a_restore_brings_files_back_and_keeps_the_others_for_some_days(places, run, alice):
    record, old = add(alice, b"old")
    staged = upload(alice, b"staged")
    path = make_backup(run)
    alice.delete(f"/places/{record}")
    _, new = add(alice, b"new")
    clean_up(old)
    storage.delete([staged])
    kept = restore(run, path)
    alice.forget_token()
    assert contents() == {old: b"old", staged: b"staged"}
    assert states() == {old: ("places", record, "photo"), staged: None, new: "removed"}
    assert alice.get(f"/places/{record}").json["data"]["photo"]["id"] == old
    if kept.endswith(".zip"):
        assert run("verify", kept).exit_code == 0
        assert run("restore", kept).exit_code == 0
        assert contents() == {new: b"new", staged: b"staged"}


def test_a_restore_refuses_when_a_file_is_missing_everywhere(places, run, admin, alice, settings):
    record, there = add(alice, b"there")
    _, lost = add(alice, b"lost")
    staged = upload(alice, b"staged")
    path = make_backup(run)
    alice.delete(f"/places/{record}")
    for url in (settings.files, f"file://{settings.backup_dir}/file-copies"):
        open_storage(url).delete([lost, staged])
    storage.delete([there])
    assert f"Files that are missing or damaged: {lost}." in run("verify", path).output
    found = admin.post(f"/backups/{os.path.basename(path)}/verification").json["data"]
    assert (found["is_intact"], lost in found["damage"]) == (False, True)
    refused = run("restore", path)
    assert (refused.exit_code, "--without-files" in refused.output, lost in refused.output) == (1, True, True)
    assert alice.get(f"/places/{record}").status_code == 404
    assert run("restore", path, "--without-files").exit_code == 0
    alice.forget_token()
    assert alice.get(f"/places/{record}").status_code == 200
    assert set(states()) == {there, lost}  # nobody can attach a staged file that is lost
    storage.open_file(there).close()


@ON_SQLITE
def test_a_damaged_file_is_replaced_and_an_intact_one_is_not_written(places, settings, admin, alice, tmp_path):
    target = f"file://{tmp_path}/copies"
    run, _ = app_with(settings, backup_target=target)
    files = [add(alice, content)[1] for content in (b"first", b"other", b"third")]
    path = make_backup(run)
    folder = Path(settings.files.removeprefix("file://"))
    paths = [next(folder.rglob(file_id)) for file_id in files]
    paths[0].write_bytes(b"FIRST")  # the copy in the backup folder is the same file
    paths[1].write_bytes(b"longer")
    inode = paths[2].stat().st_ino
    assert "is intact" in run("verify", path).output  # by the copies at the target
    assert run("restore", path).exit_code == 0
    assert sorted(contents().values()) == [b"first", b"other", b"third"]
    assert paths[2].stat().st_ino == inode
    (tmp_path / "copies" / "file-copies").rename(tmp_path / "elsewhere")
    next((settings.backup_dir / "file-copies").rglob(files[1])).write_bytes(b"OTHER")
    assert files[1] in run("verify", path).output
    assert run("restore", path).exit_code == 0
    assert contents()[files[1]] == b"other"


def test_a_backup_says_which_files_the_storage_has_lost(places, run, alice, settings):
    files = {content: add(alice, content)[1] for content in (b"kept", b"lost", b"bent")}
    storage.delete([files[b"lost"]])
    next(Path(settings.files.removeprefix("file://")).rglob(files[b"bent"])).write_bytes(b"BENT")
    result = run("create")
    assert result.exit_code == 0, result.output
    assert all(files[content] in result.stderr for content in (b"lost", b"bent"))
    assert ids_in(f"file://{settings.backup_dir}/file-copies") == {files[b"kept"]}
    assert run("verify", result.stdout.splitlines()[-1]).exit_code == 1


def test_copies_are_deleted_with_the_last_backup_that_lists_them(places, run, alice, settings):
    copies = f"file://{settings.backup_dir}/file-copies"
    record, first = add(alice, b"first")
    make_backup(run)
    alice.delete(f"/places/{record}")
    _, second = add(alice, b"second")
    path = Path(make_backup(run))
    assert ids_in(copies) == {first, second}
    clean_up(first)
    run("prune", "--keep", 2)
    assert ids_in(copies) == {first, second}
    intact = path.read_bytes()
    path.write_bytes(intact[:100])
    run("prune", "--keep", 1)
    assert ids_in(copies) == {first, second}  # the list of a kept backup cannot be read
    path.write_bytes(intact)
    run("prune", "--keep", 1)
    assert ids_in(copies) == {second}
    assert run("verify", path).exit_code == 0


@ON_SQLITE
def test_copies_at_the_target_are_deleted_a_day_after_no_backup_lists_them(places, settings, alice, tmp_path):
    target = tmp_path / "copies"
    run, _ = app_with(settings, backup_target=f"file://{target}")
    record, first = add(alice, b"first")
    make_backup(run)
    alice.delete(f"/places/{record}")
    _, second = add(alice, b"second")
    path = Path(make_backup(run))
    clean_up(first)
    run("prune", "--keep", 1)
    assert sorted(os.listdir(target)) == ["file-copies", f"{path.stem}.files.ndjson", path.name]
    assert ids_in(f"file://{target}/file-copies") == {first, second}
    for copy in target.rglob("????????-*"):
        os.utime(copy, (0, 0))
    path.unlink()  # from the backup folder alone: the copy at the target needs its files
    run("prune", "--keep", 1)
    assert ids_in(f"file://{target}/file-copies") == {second}
    (target / f"{path.stem}.files.ndjson").unlink()
    run("prune", "--keep", 1)
    assert ids_in(f"file://{target}/file-copies") == {second}


def test_files_move_to_another_machine_and_from_a_folder_into_a_bucket(places, run, alice, settings, request, tmp_path):
    files = {add(alice, content)[1]: content for content in (b"one", b"two", b"three" * 1000)}
    path = Path(make_backup(run))
    moved = tmp_path / "moved"
    shutil.copytree(settings.backup_dir, moved)
    storage.delete(files)
    with other_machine(request, settings, tmp_path / "there") as run_there:
        result = run_there("restore", moved / path.name)
        assert result.exit_code == 0, result.output
        assert contents() == files
    with (
        running_s3(tmp_path / "s3", "files"),
        other_machine(request, settings, tmp_path / "s", files="s3://files/a") as s,
    ):
        assert s("restore", moved / path.name).exit_code == 0
        assert contents() == files
        assert ids_in("s3://files/a") == set(files)


def test_files_of_a_bucket_are_copied_to_another_bucket(places, settings, alice, request, tmp_path):
    with running_s3(tmp_path / "s3", "files", "backups"):
        changes = {"files": "s3://files", "backup_target": "s3://backups/larder"}
        run, app = app_with(settings, **changes)
        alice = Person(app, "alice")
        files = {add(alice, content)[1]: content for content in (b"one", b"two" * 100_000)}
        path = Path(make_backup(run))
        assert ids_in("s3://backups/larder/file-copies") == set(files)
        assert not (settings.backup_dir / "file-copies").exists()  # the disk may be too small for them
        sent = {copy: copy.stat().st_mtime_ns for copy in (tmp_path / "s3" / "backups").rglob("????????-*")}
        latest = Path(make_backup(run))
        assert {copy: copy.stat().st_mtime_ns for copy in sent} == sent
        assert "is intact" in run("verify", latest).output
        fetched = tmp_path / path.name
        shutil.copy(tmp_path / "s3" / "backups" / "larder" / path.name, fetched)
        with other_machine(request, settings, tmp_path / "there", **changes | {"files": None}) as run_there:
            result = run_there("restore", fetched)
            assert result.exit_code == 0, result.output
            assert contents() == files


@ON_SQLITE
def test_a_target_that_fails_costs_only_the_copies_there(places, settings, alice, tmp_path):
    with running_s3(tmp_path / "s3", "backups") as server:
        run, _ = app_with(settings, backup_target="s3://backups/larder")
        _, first = add(alice, b"first")
        make_backup(run)
        server.kill()
        server.wait()
        _, second = add(alice, b"second")
        failed = run("create")
        assert (failed.exit_code, "LARDER_BACKUP_TARGET cannot be used" in failed.output) == (1, True)
    path = max(settings.backup_dir.glob("*.zip"))
    assert ids_in(f"file://{settings.backup_dir}/file-copies") == {first, second}
    with running_s3(tmp_path / "again", "backups"):
        run, _ = app_with(settings, backup_target="s3://backups/larder")
        make_backup(run)
        assert ids_in("s3://backups/larder/file-copies") == {first, second}
        assert "is intact" in run("verify", path).output


@ON_SQLITE
def test_files_that_do_not_fit_fail_the_backup_after_it_is_written(places, settings, alice, tmp_path):
    run, _ = app_with(settings, backup_target=f"file://{tmp_path}/copies")
    _, large = add(alice, os.urandom(1_000_000))
    with files_of_at_most(500_000):
        failed = run("create")
    assert (failed.exit_code, "The files of the backup cannot be copied" in failed.output) == (1, True), failed.output
    (path,) = settings.backup_dir.glob("*.zip")
    assert (tmp_path / "copies" / path.name).read_bytes() == path.read_bytes()
    assert ids_in(f"file://{tmp_path}/copies/file-copies") == set()
    assert "is intact" in run("verify", path).output  # by the link in the backup folder
    make_backup(run)
    assert ids_in(f"file://{tmp_path}/copies/file-copies") == {large}


@ON_SQLITE
def test_a_scheduled_backup_fails_for_a_missing_file_after_it_copied_the_others(places, settings, alice):
    _, kept = add(alice, b"kept")
    _, lost = add(alice, b"lost")
    storage.delete([lost])
    with pytest.raises(Unavailable, match=f"missing or damaged: {lost}"):
        back_up(settings)
    assert ids_in(f"file://{settings.backup_dir}/file-copies") == {kept}
    assert len(list(settings.backup_dir.glob("*.zip"))) == 1
