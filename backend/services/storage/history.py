"""Writes the history of records: who changed which field from which value to which."""

import json
from collections.abc import Sequence
from typing import Any

from peewee import fn

from backend.models.database import database
from backend.models.history_entry import HistoryEntry, KeptFields
from backend.services.storage.listable import Listable
from backend.utils.clock import utcnow
from backend.utils.ids import uuid7

ROWS_AT_ONCE = 200
UNRECORDED = ("id", "created_at", "updated_at", "version")

Values = dict[str, Any]  # of a record, by field, in JSON


def read(listable: Listable, ids: Sequence[str]) -> dict[str, Values]:
    """Return the recorded fields and the `version` of the records that exist, by id."""
    names = (*_recorded_fields(listable), "version")
    found: dict[str, Values] = {}
    key = listable.column("id")
    for start in range(0, len(ids), ROWS_AT_ONCE):
        query = listable.model.select(key, listable.json(names)).where(key.in_(ids[start : start + ROWS_AT_ONCE]))
        found |= {str(record_id): json.loads(text) for record_id, text in database.execute(query).fetchall()}
    return found


def keep(user_id: str | None, listable: Listable, before: dict[str, Values], after: dict[str, Values]) -> None:
    """Write a history entry of each record in `before` and `after`, what read() returned, by this user."""
    ids = [*(before | after)]
    current = KeptFields.select(KeptFields.id).where(KeptFields.resource == listable.name, KeptFields.current)
    shared = {"resource": listable.name, "fields_id": current.scalar(), "created_by": user_id}
    for start in range(0, len(ids), ROWS_AT_ONCE):
        some = ids[start : start + ROWS_AT_ONCE]
        numbers = _latest_numbers(listable, some)
        rows = [
            {"id": uuid7(), "record_id": record_id, "number": numbers.get(record_id, 0) + 1, "created_at": utcnow()}
            | _entry(listable, before.get(record_id, {}), after.get(record_id, {}))
            | shared
            for record_id in some
        ]
        HistoryEntry.insert_many(rows).execute()


def _recorded_fields(listable: Listable) -> list[str]:
    return [name for name in listable.fields if name not in UNRECORDED]


def _entry(listable: Listable, was: Values, now: Values) -> dict[str, Any]:
    names = _recorded_fields(listable)
    changes = {
        name: [*map(listable.fields[name].in_history, (was.get(name), now.get(name)))]
        for name in names
        if was.get(name) != now.get(name)
    }
    action = "update" if was and now else "create" if now else "delete"
    return {"action": action, "changes": changes, "version": now.get("version", was.get("version"))}


def _latest_numbers(listable: Listable, ids: Sequence[str]) -> dict[str, int]:
    """Return {id: number of its last entry} of these records; nobody else adds to it during the transaction."""
    mine = (HistoryEntry.resource == listable.name) & HistoryEntry.record_id.in_(ids)
    latest = HistoryEntry.select(HistoryEntry.record_id, fn.MAX(HistoryEntry.number)).where(mine)
    rows = database.execute(latest.group_by(HistoryEntry.record_id)).fetchall()
    return {str(record_id): number for record_id, number in rows}
