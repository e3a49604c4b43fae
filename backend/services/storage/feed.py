"""Writes the feed of changes: a row for each change of a record, in the transaction of the change."""

import json
from collections.abc import Collection, Sequence
from typing import Literal

from peewee import ModelInsert

from backend.models.database import database
from backend.models.feed import FeedChange
from backend.services.storage.history import UNRECORDED
from backend.services.storage.listable import Listable
from backend.services.storage.statements import one_plan, slot
from backend.utils.clock import rfc3339, utcnow

Action = Literal["create", "update", "delete"]

COLUMNS = tuple(
    getattr(FeedChange, name)
    for name in ("resource", "record_id", "action", "version", "fields", "created_at", "created_by")
)


def note(
    user_id: str | None, listable: Listable, ids: Sequence[str], action: Action, names: Collection[str] = ()
) -> None:
    """Add a change of each of these records, which exist, to the feed.

    Call it after a record is created or updated, and before it is deleted. A deletion counts as one more version, so
    no two changes of a record have the same.
    """
    values = {
        "ids": json.dumps(ids),
        "action": action,
        "more": 1 if action == "delete" else 0,
        "fields": json.dumps(sorted(name for name in names if name not in UNRECORDED)),
        "now": rfc3339(utcnow()),
        "user": user_id,
    }
    listable.run_ahead(_insert_changes, values=values)


@one_plan
def _insert_changes(listable: Listable) -> ModelInsert:
    record_id = listable.column("id")
    version = listable.column("version") + database.typed(slot("more"), FeedChange.version)
    given = {"action": slot("action"), "fields": slot("fields"), "created_at": slot("now"), "created_by": slot("user")}
    values = {"resource": listable.name, "record_id": record_id, "version": version} | {
        name: database.typed(value, getattr(FeedChange, name)) for name, value in given.items()
    }
    row = [values[column.name] for column in COLUMNS]
    changed = listable.model.select(*row).where(record_id.in_(database.ids(slot("ids"))))
    return FeedChange.insert_from(changed, COLUMNS).returning(FeedChange.sequence)
