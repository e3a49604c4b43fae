"""Record history, for definitions that want it: who changed what from which value to which."""

import json
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

from peewee import Case, fn

from backend.models.database import database
from backend.models.history_entry import HistoryEntry, KeptFields
from backend.services.errors import Invalid
from backend.services.storage.answer_sizes import answer_bound
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


def list_entries(actor, resource, record_id, hidden, *, page, per_page):
    """Return (Entries of a record, the latest first, how many there are) with what the actor may see.

    That is, except for an admin, the values of fields that they could read when the change was kept and that are not
    among those `hidden` from them today, under whatever name.
    """
    mine = (HistoryEntry.resource == resource.name) & (HistoryEntry.record_id == record_id)
    _require_fitting(mine, page, per_page)
    rows = list(HistoryEntry.select().where(mine).order_by(HistoryEntry.number.desc()).paginate(page, per_page))
    kept = {each.id: each.fields for each in KeptFields.select().where(KeptFields.resource == resource.name)}
    entries = []
    for row in rows:
        fields = kept.get(row.fields_id, {})
        shown = {
            name: tuple(pair)
            for name, pair in row.changes.items()
            if actor.is_admin or name == "created_by" or _may_read(actor, fields.get(name), hidden)
        }
        entries.append(Entry(row.version, row.action, shown, row.created_at, row.created_by))
    return entries, HistoryEntry.select().where(mine).count()


def _may_read(actor, kept, hidden):
    if kept is None:
        return False
    return kept["now"] not in hidden and not any(actor.roles.isdisjoint(roles) for roles in kept["readers"])


def _require_fitting(mine, page, per_page):
    """Raise Invalid for a page of changes with more bytes than an answer may have.

    How many is not said: some may be of hidden fields. A single change is always answered.
    """
    size = fn.octet_length(database.json_text(HistoryEntry.changes))
    sizes = HistoryEntry.select(size).where(mine).order_by(HistoryEntry.number.desc())
    found = database.execute(sizes.paginate(page, per_page)).fetchall()
    if sum(each for (each,) in found) > answer_bound.max_bytes and len(found) > 1:
        why = f"These changes have more than {answer_bound.max_bytes:,} bytes (LARDER_MAX_ANSWER_BYTES)"
        raise Invalid({"per_page": [f"{why}; ask for a smaller `per_page`."]}, location="query")


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


def follow(changes):
    """Let the history follow Changes of definitions that stay: other names of resources, and what became of fields."""
    names = {change.old.name: change.new.name for change in changes}
    for model in (HistoryEntry, KeptFields):
        # At once, or two resources that swap their names would become one.
        moved = {old: new for old, new in names.items() if old != new}
        if moved:
            renamed = Case(model.resource, list(moved.items()))
            model.update(resource=renamed).where(model.resource.in_(list(moved))).execute()
    for change in changes:
        for kept in KeptFields.select().where(KeptFields.resource == change.new.name):
            kept.fields = {name: _followed(change, each) for name, each in kept.fields.items()}
            kept.current = False
            kept.save()
        begin(change.new)


def _followed(change, kept):
    """Return what is kept of a field after a Change; one that is dropped keeps the last rule it had, too."""
    now = next((name for name, origin in change.origins.items() if origin == kept["now"]), None)
    last = change.old.fields[kept["now"]].readable_by if kept["now"] in change.dropped else None
    return {"readers": kept["readers"] + ([] if last is None else [last]), "now": now}


def begin(definition):
    """Keep what the fields of a definition are, if it has a history."""
    if definition.history:
        fields = {
            name: {"readers": [] if kind.readable_by is None else [kind.readable_by], "now": name}
            for name, kind in definition.fields.items()
        }
        KeptFields.insert(resource=definition.name, current=True, fields=fields).execute()


def forget(name):
    """Delete the history of a resource that is dropped."""
    for model in (HistoryEntry, KeptFields):
        model.delete().where(model.resource == name).execute()


def _read(resource, ids):
    """Return {id: {field: value in JSON}} of the records that are there, with `created_by` and `version`."""
    names = (*resource.definition.fields, "created_by", "version")
    found, key = {}, resource.column("id")
    for start in range(0, len(ids), ROWS_AT_ONCE):
        query = resource.model.select(key, resource.json(names)).where(key.in_(ids[start : start + ROWS_AT_ONCE]))
        found |= {str(record_id): json.loads(told) for record_id, told in database.execute(query).fetchall()}
    return found


def _keep(actor, resource, before, after):
    ids = [*(before | after)]
    fields_id = (
        KeptFields.select(KeptFields.id).where(KeptFields.resource == resource.name, KeptFields.current).scalar()
    )
    for start in range(0, len(ids), ROWS_AT_ONCE):
        some = ids[start : start + ROWS_AT_ONCE]
        numbers, rows = _latest_numbers(resource, some), []
        for record_id in some:
            row = _change(resource, before.get(record_id, {}), after.get(record_id, {}))
            row |= {"id": uuid7(), "resource": resource.name, "record_id": record_id, "fields_id": fields_id}
            row |= {"number": numbers.get(record_id, 0) + 1, "created_at": utcnow(), "created_by": actor.user_id}
            rows.append(row)
        if rows:
            HistoryEntry.insert_many(rows).execute()


def _change(resource, was, now):
    names = (*resource.definition.fields, "created_by")
    changes = {name: [was.get(name), now.get(name)] for name in names if was.get(name) != now.get(name)}
    action = "update" if was and now else "create" if now else "delete"
    return {"action": action, "changes": changes, "version": now.get("version", was.get("version"))}


def _latest_numbers(resource, ids):
    """Return {id: number of the last change} of records with a history; in the transaction nobody else adds to it."""
    mine = (HistoryEntry.resource == resource.name) & HistoryEntry.record_id.in_(ids)
    latest = HistoryEntry.select(HistoryEntry.record_id, fn.MAX(HistoryEntry.number)).where(mine)
    return {str(record_id): number for record_id, number in latest.group_by(HistoryEntry.record_id).tuples()}
