"""Attaches uploaded files to fields of records, and marks them as removed: in the transactions that write records."""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from peewee import ModelUpdate, Select

from backend.models.database import database
from backend.models.file import File
from backend.services.access.actors import Actor
from backend.services.storage.statements import built_once, slot
from backend.utils.clock import rfc3339, utcnow
from backend.utils.problems import Problem

NO_SUCH_FILE = Problem(
    "not_found", "There is no such file for you to attach: upload one first, with POST /api/v1/files."
)
IN_USE = Problem("not_unique", "This file is in use: each belongs to one field of one record. Upload it once more.")
NO_FILE = "00000000-0000-0000-0000-000000000000"  # the id of none


class Place(NamedTuple):
    """The field of a record, to which one file can be attached."""

    resource: str
    record_id: str
    field: str


class FileFacts(NamedTuple):
    """What is known of an uploaded file. `place` has no resource while it is staged."""

    id: str
    type: str
    bytes: int
    uploaded_by: str | None
    place: tuple[str | None, str | None, str | None]
    is_removed: bool


class Wanted(NamedTuple):
    """A file that a field shall have. `problem_of` returns what is wrong there with a MIME type and a size in bytes.

    `may_stay` says whether the actor may send the id that the field has already.
    """

    file_id: str
    place: Place
    problem_of: Callable[[str, int], Problem | None]
    may_stay: bool


def attach(actor: Actor, wanted: Sequence[Wanted]) -> dict[Place, Problem]:
    """Attach these files in the current transaction; if there are problems, return them and attach none.

    Other transactions cannot attach the same files until it ends. Files of these places that are replaced stay: see
    remove_replaced.
    """
    files = _facts_of(_lock_files().run({"ids": json.dumps([each.file_id for each in wanted])}))
    problems = find_problems(actor, wanted, files, {})
    if not problems:
        new = [each for each in wanted if files[each.file_id].place != each.place]
        _attach_file().run_many([{"id": each.file_id, **each.place._asdict()} for each in new])
    return problems


def find_files(ids: Iterable[str]) -> dict[str, FileFacts]:
    """Return {id: facts} of those of these files that exist."""
    return _facts_of(_select_files().run({"ids": json.dumps([*ids])}))


def find_problems(
    actor: Actor, wanted: Sequence[Wanted], files: Mapping[str, FileFacts], given: dict[str, Place]
) -> dict[Place, Problem]:
    """Return the problems of attaching these files, which are in `files` if they exist.

    `given` has the places that files were given before; those of `wanted` are added.
    """
    problems = {}
    for each in wanted:
        is_given = given.setdefault(each.file_id, each.place) != each.place
        if problem := IN_USE if is_given else _problem(actor, each, files.get(each.file_id)):
            problems[each.place] = problem
    return problems


def remove_replaced(kept: Iterable[tuple[Place, str | None]]) -> None:
    """Mark the files of these places as removed, except the one with this id, which the place keeps or gets."""
    now = rfc3339(utcnow())
    rows = [{**place._asdict(), "kept": file_id or NO_FILE, "now": now} for place, file_id in kept]
    if rows:
        _remove_replaced().run_many(rows)


def remove_of_records(resource: str, record_ids: Collection[str]) -> None:
    """Mark the files of these records, which are about to be deleted, as removed."""
    _remove_of_records().run({"resource": resource, "ids": json.dumps([*record_ids]), "now": rfc3339(utcnow())})


def _facts_of(rows: Iterable[tuple[Any, ...]]) -> dict[str, FileFacts]:
    facts = [
        FileFacts(str(file_id), kind, size, _text(by), (resource, _text(record_id), field), removed_at is not None)
        for file_id, kind, size, by, resource, record_id, field, removed_at in rows
    ]
    return {each.id: each for each in facts}


def _text(found: object) -> str | None:
    return None if found is None else str(found)


def _problem(actor: Actor, wanted: Wanted, file: FileFacts | None) -> Problem | None:
    """Return why a file cannot be attached. Of files that the actor has not uploaded, the answer says nothing."""
    if file is None or file.is_removed:
        return NO_SUCH_FILE
    if wanted.may_stay and file.place == wanted.place:
        return None
    if not _is_own(actor, file):
        return NO_SUCH_FILE
    return IN_USE if file.place[0] is not None else wanted.problem_of(file.type, file.bytes)


def _is_own(actor: Actor, file: FileFacts) -> bool:
    """Return whether the actor has uploaded a file. The command line may attach every staged file."""
    return file.uploaded_by == actor.user_id if actor.user_id else actor.is_admin


def _files_of_ids() -> Select:
    columns = (File.id, File.type, File.bytes, File.uploaded_by, File.resource, File.record_id, File.field)
    return File.select(*columns, File.removed_at).where(File.id.in_(database.ids(slot("ids"))))


@built_once
def _select_files() -> Select:
    return _files_of_ids()


@built_once
def _lock_files() -> Select:
    # In the order of ids: two writers that lock the same files must not wait for each other.
    return database.lock_for_update(_files_of_ids().order_by(File.id))


@built_once
def _attach_file() -> ModelUpdate:
    place = {name: slot(name) for name in Place._fields}
    return File.update(place).where(File.id == slot("id"))


@built_once
def _remove_replaced() -> ModelUpdate:
    place = [getattr(File, name) == slot(name) for name in Place._fields]
    return _removal().where(*place, File.id != slot("kept"), File.removed_at.is_null())


@built_once
def _remove_of_records() -> ModelUpdate:
    mine = File.resource == slot("resource"), File.record_id.in_(database.ids(slot("ids")))
    return _removal().where(*mine, File.removed_at.is_null()).returning(File.id)


def _removal() -> ModelUpdate:
    return File.update({File.removed_at: slot("now")})
