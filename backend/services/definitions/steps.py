"""The steps of a plan, and how they are put into words."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from peewee import fn

from backend.models.records import column
from backend.services.storage.statements import Statement, Values

Action = Literal[  # what a step does
    "add_check",
    "add_field",
    "add_index",
    "add_unique",
    "allow_null",
    "change_access",
    "change_cache_seconds",
    "change_case",
    "change_check",
    "change_directory",
    "change_role",
    "change_user_fields",
    "change_computed",
    "change_constraints",
    "change_default",
    "change_delivery",
    "change_feed",
    "change_filters",
    "change_history",
    "change_label",
    "change_on_delete",
    "change_on_owner_delete",
    "change_require_if_match",
    "change_rules",
    "change_search",
    "change_start",
    "change_target",
    "change_type",
    "create_resource",
    "create_role",
    "describe",
    "drop_check",
    "drop_field",
    "drop_index",
    "drop_resource",
    "drop_unique",
    "follow_rename",
    "rename_field",
    "rename_resource",
    "reorder",
    "require",
]
SHOWN_IDS = 5  # of the rows that a step affects


class Rows(NamedTuple):
    """Existing rows that a step affects: how many, and the first of their ids."""

    total: int
    ids: list[str]


NO_VALUES: Values = {}
NO_ROWS = Rows(0, [])


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a plan.

    `records` is the number of existing rows that prevent the step (`impossible`) or lose a value (`loses_data`), and
    `ids` are the first of their ids. `subject` is the name of a field, or several names separated by commas.
    """

    action: Action
    resource: str
    subject: str | None = None
    text: str
    loses_data: bool = False
    impossible: bool = False
    records: int = 0
    ids: list[str] = field(default_factory=list)


def make_step(
    action: Action,
    resource: str,
    text: str,
    subject: str | None = None,
    *,
    losing: Rows = NO_ROWS,
    preventing: Rows = NO_ROWS,
) -> Step:
    """Return the Step; `losing` are the rows that lose a value, `preventing` those that make the step impossible."""
    affected = preventing if preventing.total else losing
    return Step(
        action=action,
        resource=resource,
        subject=subject,
        text=text,
        loses_data=losing.total > 0,
        impossible=preventing.total > 0,
        records=affected.total,
        ids=affected.ids,
    )


def find_rows(model: Any, condition: Any = None, values: Values = NO_VALUES) -> Rows:
    """Return the Rows of a table that meet the condition, with `values` in its slots; without a condition, all rows."""
    id_column = column(model, "id")
    count = model.select(fn.COUNT(id_column))
    ids = model.select(id_column).order_by(id_column).limit(SHOWN_IDS)
    if condition is not None:
        count, ids = count.where(condition), ids.where(condition)
    ((total,),) = Statement(count).run(values)
    return Rows(total, [str(row_id) for (row_id,) in Statement(ids).run(values)] if total else [])


def rows_of(ids: list[str]) -> Rows:
    """Return the Rows that have these ids."""
    return Rows(len(ids), ids[:SHOWN_IDS])


def record_count_text(count: int) -> str:
    """Return the text "1 record" or "5 records"."""
    return "1 record" if count == 1 else f"{count} records"


def listed(names: Sequence[str]) -> str:
    """Return the names as a text such as "a, b and c"."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def shown_value(value: Any) -> str:
    """Return a value as JSON."""
    return json.dumps(value, ensure_ascii=False)
