"""Record history, for definitions that want it: who changed what from which value to which."""

import json
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

from backend.models.database import database
from backend.models.record_change import RecordChange
from backend.utils.clock import utcnow
from backend.utils.ids import uuid7

ROWS_AT_ONCE = 200


class Entry(NamedTuple):
    """A change of a record; `changes` is {field: (value before, value after)} of what the reader may see."""

    version: int
    action: str
    changes: dict
    changed_at: datetime
    changed_by: str | None


def list_entries(resource, record_id, shown, *, page, per_page):
    """Return (Entries of a record, the latest first, how many there are), with the fields `shown`, None for all."""
    mine = (RecordChange.resource == resource.name) & (RecordChange.record_id == record_id)
    rows = RecordChange.select().where(mine).order_by(RecordChange.id.desc()).paginate(page, per_page)
    return [_entry(row, shown) for row in rows], RecordChange.select().where(mine).count()


def _entry(row, shown):
    changes = {name: tuple(pair) for name, pair in row.changes.items() if shown is None or name in shown}
    return Entry(row.version, row.action, changes, row.created_at, row.created_by)


@contextmanager
def recorded(actor, resource, ids):
    """Keep what becomes in the block, which is part of a transaction, of the records with these ids."""
    if not resource.definition.history:
        yield
        return
    before = _read(resource, ids)
    yield
    _keep(actor, resource, before, _read(resource, ids))


def note_end(actor, resource, ids):
    """Keep that the records with these ids are about to go with others."""
    if resource.definition.history:
        _keep(actor, resource, _read(resource, ids), {})


def rename(renamed):
    """Let the history of resources that have other names follow: {old: new}, which may be those of each other."""
    for waiting, old_name in enumerate(renamed):
        _rename(old_name, f"larder__{waiting}")
    for waiting, new_name in enumerate(renamed.values()):
        _rename(f"larder__{waiting}", new_name)


def _rename(old_name, new_name):
    RecordChange.update(resource=new_name).where(RecordChange.resource == old_name).execute()


def forget(name):
    """Delete the history of a resource that is dropped."""
    RecordChange.delete().where(RecordChange.resource == name).execute()


def _read(resource, ids):
    """Return {id: {field: value in JSON}} of the records that are there, with `created_by` and `version`."""
    names = (*resource.definition.fields, "created_by", "version")
    found, key = {}, resource.column("id")
    for start in range(0, len(ids), ROWS_AT_ONCE):
        query = resource.model.select(key, resource.json(names)).where(key.in_(ids[start : start + ROWS_AT_ONCE]))
        found |= {str(record_id): json.loads(told) for record_id, told in database.execute(query).fetchall()}
    return found


def _keep(actor, resource, before, after):
    moment, rows = utcnow(), []
    for record_id in before | after:
        was, now = before.get(record_id, {}), after.get(record_id, {})
        changes = {
            name: [was.get(name), now.get(name)]
            for name in (*resource.definition.fields, "created_by")
            if was.get(name) != now.get(name)
        }
        action = "update" if was and now else "create" if now else "delete"
        row = {"id": uuid7(), "resource": resource.name, "record_id": record_id, "action": action, "changes": changes}
        version = now.get("version", was.get("version"))
        rows.append(row | {"version": version, "created_at": moment, "created_by": actor.user_id})
    for start in range(0, len(rows), ROWS_AT_ONCE):
        RecordChange.insert_many(rows[start : start + ROWS_AT_ONCE]).execute()
