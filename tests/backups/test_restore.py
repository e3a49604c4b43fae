"""`flask backup restore`, on both databases."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import cysqlite
import psycopg
import pytest

from backend.models.database import database
from backend.models.database.postgres import DEFINITIONS_LOCK
from tests.conftest import ON_SQLITE
from tests.parts.backups import make_backup, restore, titles
from tests.parts.patience import patience


@contextmanager
def writing_elsewhere(settings):
    """Yield another connection, which holds the lock to write; no connection here waits as long as it takes."""
    with (
        patience(wait_seconds=0.1),
        closing(cysqlite.connect(settings.database_url.removeprefix("sqlite:///"))) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        yield other


def test_a_restore_brings_back_the_old_records_and_keeps_the_replaced_ones(notes, run, admin, alice):
    path = make_backup(run)
    for note in admin.get("/notes").json["data"]:
        admin.patch(f"/notes/{note['id']}", json={"title": "changed"})
    admin.declare("later", {"name": {"type": "string"}})
    result = run("restore", os.path.basename(path))
    assert result.exit_code == 0, result.output
    assert "Restored" in result.output
    assert "kept as" in result.output
    alice._token = admin._token = None  # sessions have ended
    assert titles(alice) == ["Note 0", "Note 1", "Note 2"]
    assert admin.get("/later").status_code == 404
    assert len(alice.get("/notes?q=note").json["data"]) == 3
    assert admin.get("/audit?action=backup.restore").json["meta"]["total"] == 1


def test_no_number_is_given_again_after_a_restore(run, admin):
    fields = {"number": {"type": "sequence"}, "other": {"type": "sequence", "start": 500}}
    admin.declare("bills", fields)
    admin.make("bills")
    path = make_backup(run)
    for _ in range(2):
        bill = admin.make("bills")
        admin.delete(f"/bills/{bill['id']}")
    swapped = {
        "number": fields["other"] | {"renamed_from": "other"},
        "other": {"type": "sequence", "renamed_from": "number"},
    }
    body = {"name": "invoices", "renamed_from": "bills", "fields": swapped}
    assert admin.put("/resources/bills", json=body).status_code == 200
    assert admin.make("invoices")["number"] == 503
    for number in (5, 6):
        restored = run("restore", path)
        assert restored.exit_code == 0, restored.output
        admin._token = None
        bill = admin.make("bills")
        assert (bill["number"], bill["other"]) == (number, 499 + number)
        assert len(admin.get("/bills").json["data"]) == 2


def test_lists_of_references_come_back_in_their_order(run, admin):
    admin.declare("tags", {"name": {"type": "string"}})
    admin.declare("tasks", {"tags": {"type": "references", "to": "tags"}})
    tags = [admin.make("tags", name=name)["id"] for name in "abc"]
    task = admin.make("tasks", tags=[tags[2], tags[0]])
    path = make_backup(run)
    admin.patch(f"/tasks/{task['id']}", json={"tags": {"add": [tags[1]], "remove": [tags[2]]}})
    assert run("restore", path).exit_code == 0
    admin._token = None  # sessions have ended
    assert admin.get(f"/tasks/{task['id']}").json["data"]["tags"] == [tags[2], tags[0]]
    assert len(admin.get(f"/tasks?tags__all={tags[0]},{tags[2]}").json["data"]) == 1
    assert admin.delete(f"/tags/{tags[2]}").status_code == 200
    assert admin.get(f"/tasks/{task['id']}").json["data"]["tags"] == [tags[0]]


def test_folded_and_listed_values_are_found_after_a_restore(run, admin):
    fields = {
        "code": {"type": "string", "unique": True, "ignore_case": True},
        "tags": {"type": "list", "of": "string", "index": True},
    }
    admin.declare("parts", fields)
    part = admin.make("parts", code="Straße", tags=["a", "b"])
    path = make_backup(run)
    assert run("verify", path).exit_code == 0
    admin.delete(f"/parts/{part['id']}")
    assert run("restore", path).exit_code == 0
    admin._token = None  # sessions have ended
    for query in ("code=STRASSE", "tags__has=b"):
        assert [each["id"] for each in admin.get(f"/parts?{query}").json["data"]] == [part["id"]]
    assert admin.post("/parts", json={"code": "strasse"}).status_code == 409
    assert run("verify", make_backup(run)).exit_code == 0


def test_computed_fields_and_checks_work_after_a_restore(run, admin):
    fields = {
        "number": {"type": "sequence"},
        "name": {"type": "string"},
        "label": {"type": "string", "computed": "concat(lower(name), ' ', number)", "unique": True},
        "half": {"type": "decimal", "computed": "number / 2"},
    }
    admin.declare("bills", fields, checks={"named": {"name": {"icontains": "É"}}})
    admin.make("bills", name="ÉA")
    path = make_backup(run)
    admin.make("bills", name="ÉB")
    result = run("restore", path)
    assert result.exit_code == 0, result.output
    admin._token = None
    bill = admin.make("bills", name="Éc")
    assert (bill["label"], bill["half"]) == ("éc 3", "1.50")
    assert admin.post("/bills", json={"name": "e"}).status_code == 422
    assert [each["label"] for each in admin.get("/bills?sort=label").json["data"]] == ["éa 1", "éc 3"]
    assert admin.put("/resources/bills", json={"fields": fields}).status_code == 200


@ON_SQLITE
def test_a_restore_that_waits_too_long_for_a_writer_changes_nothing(notes, run, admin, alice, settings):
    path = make_backup(run)
    admin.make("notes", title="Late")
    before = os.listdir(settings.backup_dir)
    with writing_elsewhere(settings) as other:
        result = run("restore", path)
        other.rollback()
    assert (result.exit_code, "Nothing was restored" in result.output) == (1, True), result.output
    assert titles(alice) == ["Late", "Note 0", "Note 1", "Note 2"]
    assert os.listdir(settings.backup_dir) == before
    assert run("restore", path).exit_code == 0


@ON_SQLITE
def test_a_restore_that_finds_the_disk_full_changes_nothing(notes, run, admin, alice, settings):
    with database.atomic():
        database.execute_many("UPDATE notes SET title = ?", [["M" * 100_000]])
    path = make_backup(run)
    with database.connection_context():
        database.execute_sql("UPDATE notes SET title = 'Short'")
        database.execute_sql("VACUUM")
        database.pragma("max_page_count", database.pragma("page_count"), permanent=True)
    before = os.listdir(settings.backup_dir)
    result = run("restore", path)
    assert (result.exit_code, "Nothing was restored" in result.output) == (1, True), result.output
    assert os.listdir(settings.backup_dir) == before
    assert titles(alice) == ["Short"] * 3


@ON_SQLITE
def test_a_restore_keeps_what_was_written_while_it_waited(notes, run, admin, settings):
    path = make_backup(run)
    with writing_elsewhere(settings) as other:
        other.execute("UPDATE notes SET title = 'Written late'")
        timer = threading.Timer(1, other.commit)
        timer.start()
        kept = restore(run, path)
        timer.join()
    admin._token = None
    assert titles(admin) == ["Note 0", "Note 1", "Note 2"]
    assert run("restore", kept).exit_code == 0
    admin._token = None
    assert titles(admin) == ["Written late"] * 3


@ON_SQLITE
def test_the_replaced_content_can_be_restored(notes, run, admin):
    path = make_backup(run)
    admin.make("notes", title="Late")
    kept = restore(run, path)
    assert run("restore", kept).exit_code == 0
    admin._token = None
    assert titles(admin) == ["Late", "Note 0", "Note 1", "Note 2"]


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_the_replaced_content_is_kept_as_a_schema(notes, run, admin, settings):
    path = make_backup(run)
    admin.make("notes", title="Late")
    kept = restore(run, path)
    with psycopg.connect(settings.database_url) as connection:
        assert connection.execute(f'SELECT count(*) FROM "{kept}".notes').fetchone() == (4,)


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_restore_ends_when_the_writes_under_way_have_ended(notes, run, admin, settings):
    path = make_backup(run)
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with psycopg.connect(settings.database_url) as writer, psycopg.connect(settings.database_url) as other:
        other.autocommit = True
        writer.execute("SELECT pg_advisory_xact_lock_shared(%s)", (DEFINITIONS_LOCK,))
        writer.execute("SELECT id FROM notes FOR UPDATE")
        with ThreadPoolExecutor(1) as pool:
            restoring = pool.submit(run, "restore", path)
            while other.execute(waiting).fetchone() == (0,):
                assert not restoring.done(), restoring.result().output
                time.sleep(0.02)
            written = writer.execute("UPDATE notes SET title = 'Written late' RETURNING id").fetchall()
            writer.commit()
            assert restoring.result().exit_code == 0
    assert len(written) == 3
    admin._token = None
    assert titles(admin) == ["Note 0", "Note 1", "Note 2"]


def test_a_session_does_not_come_back_with_a_backup(notes, run, admin, alice):
    assert alice.get("/notes").status_code == 200
    path = make_backup(run)
    run("restore", path)
    assert alice.get("/notes").status_code == 401


def test_every_process_serves_the_restored_definitions(notes, run, admin, settings, app):
    path = make_backup(run)
    admin.declare("later", {"name": {"type": "string"}})
    run("restore", path)
    admin._token = None
    admin.declare("other", {"name": {"type": "string"}})  # as many changes as the other process knows of
    assert admin.get("/other").status_code == 200
    assert admin.get("/later").status_code == 404
