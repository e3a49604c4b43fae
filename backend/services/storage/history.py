"""Writes the history of records: who changed which field from which value to which."""

import json
from collections.abc import Sequence
from typing import Any

from peewee import ModelInsert, Select, fn

from backend.models.database import database
from backend.models.history_entry import HistoryEntry, KeptFields
from backend.services.storage.listable import Listable
from backend.services.storage.statements import one_plan, slot
from backend.utils.clock import rfc3339, utcnow
from backend.utils.ids import uuid7

UNRECORDED = ("id", "created_at", "updated_at", "version")

Values = dict[str, Any]  # of a record, by field, in JSON


def read(listable: Listable, ids: Sequence[str]) -> dict[str, Values]:
    """Return the recorded fields and the `version` of the records that exist, by id."""
    rows = listable.run(_select_values, values={"ids": json.dumps(ids)})
    return {str(record_id): json.loads(text) for record_id, text in rows}


@one_plan
def _select_values(listable: Listable) -> Select:
    key, names = listable.column("id"), (*_recorded_fields(listable), "version")
    return listable.model.select(key, listable.json(names)).where(key.in_(database.ids(slot("ids"))))


def keep(user_id: str | None, listable: Listable, before: dict[str, Values], after: dict[str, Values]) -> None:
    """Write a history entry of each record in `before` and `after`, what read() returned, by this user."""
    rows = [
        {"id": uuid7(), "record_id": record_id, "created_at": rfc3339(utcnow()), "created_by": user_id}
        | _entry(listable, before.get(record_id, {}), after.get(record_id, {}))
        for record_id in before | after
    ]
    listable.run_many(_insert_entry, rows=rows)


@one_plan
def _insert_entry(listable: Listable) -> ModelInsert:
    names = ("id", "record_id", "version", "action", "changes", "created_at", "created_by")
    mine = (HistoryEntry.resource == listable.name) & (HistoryEntry.record_id == slot("record_id"))
    values = {getattr(HistoryEntry, name): slot(name) for name in names} | {
        HistoryEntry.resource: listable.name,
        # Nobody else adds to the entries of the record during the transaction.
        HistoryEntry.number: fn.COALESCE(HistoryEntry.select(fn.MAX(HistoryEntry.number)).where(mine), 0) + 1,
        HistoryEntry.fields_id: KeptFields.select(KeptFields.id).where(
            KeptFields.resource == listable.name, KeptFields.current
        ),
    }
    return HistoryEntry.insert(values).returning()


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
    version = now.get("version", was.get("version"))
    return {"action": action, "changes": HistoryEntry.changes.db_value(changes), "version": version}
