"""The steps of plans, in words and as data."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from peewee import fn

from backend.models.database import database
from backend.models.records import column

SHOWN_IDS = 5


class Rows(NamedTuple):
    """Existing rows that a step affects: how many, and the first of their ids."""

    total: int
    ids: list[str]


NO_ROWS = Rows(0, [])


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a plan.

    `records` counts the existing rows that lose a value by it (`loses_data`) or prevent it (`impossible`), and `ids`
    are the first of them.
    """

    action: str
    resource: str
    subject: str | None = None
    text: str
    loses_data: bool = False
    impossible: bool = False
    records: int = 0
    ids: list[str] = field(default_factory=list)


def make_step(
    action: str, resource: str, text: str, subject: str | None = None, *, lost: Rows = NO_ROWS, against: Rows = NO_ROWS
) -> Step:
    """Return the Step; `lost` are the rows that lose a value by it, `against` those that prevent it."""
    affected = against if against.total else lost
    return Step(
        action=action,
        resource=resource,
        subject=subject,
        text=text,
        loses_data=lost.total > 0,
        impossible=against.total > 0,
        records=affected.total,
        ids=affected.ids,
    )


def find_rows(model: Any, condition: Any = None) -> Rows:
    """Return the Rows of a table that meet a condition, or all."""
    key = column(model, "id")
    count, ids = model.select(fn.COUNT(key)), model.select(key).order_by(key).limit(SHOWN_IDS)
    if condition is not None:
        count, ids = count.where(condition), ids.where(condition)
    total = database.execute(count).fetchall()[0][0]
    return Rows(total, [str(each) for (each,) in database.execute(ids).fetchall()] if total else [])


def rows_of(ids: list[str]) -> Rows:
    """Return the Rows with all these ids."""
    return Rows(len(ids), ids[:SHOWN_IDS])


def in_records(count: int) -> str:
    """Return the number of records in words."""
    return "1 record" if count == 1 else f"{count} records"


def listed(names: Sequence[str]) -> str:
    """Return names as an enumeration in words."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def shown_value(value: Any) -> str:
    """Return a value as JSON."""
    return json.dumps(value, ensure_ascii=False)
