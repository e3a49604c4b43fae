"""Finds the steps of an Alteration that add computed fields or compute them anew."""

from collections.abc import Iterator, Sequence
from typing import Any

from peewee import ColumnBase, DataError, Select, fn

from backend.models.database import database
from backend.models.records import Generated, column
from backend.services.definitions.changes import Alteration
from backend.services.definitions.steps import NO_ROWS, Rows, Step, find_rows, make_step, record_count_text


def computed_field_steps(change: Alteration, model: Any) -> Iterator[Step]:
    """Yield a step for each computed field of `change.added`; `model` is that of the table before the change.

    Rows for which the value does not fit prevent it. They are not looked for if the change converts the values that the
    field is computed from; then the database refuses the change.
    """
    for name, field in change.added.items():
        if field.computed is None:
            continue
        is_recomputed = name in change.recomputed
        verb = f"Compute {name}" if is_recomputed else f"Add the field {name}, computed"
        unfit = _unfit_rows(change, model, name)
        reason = f", which does not fit in {record_count_text(unfit.total)}" if unfit.total else ""
        action = "change_computed" if is_recomputed else "add_field"
        yield make_step(action, change.name, f"{verb} as `{field.computed}`{reason}.", name, preventing=unfit)


def _unfit_rows(change: Alteration, model: Any, name: str) -> Rows:
    generated = _generated(change, model, name)
    if generated is None:
        return NO_ROWS
    try:
        with database.atomic():
            return find_rows(model, generated.computed.is_null(False) & generated.stored.is_null())
    except DataError:  # a number became too large on the way; the change will be refused
        return NO_ROWS


def _generated(change: Alteration, model: Any, name: str) -> Generated | None:
    """Return the SQL of a computed field over the old table; None if the change converts what it is computed from."""
    if not change.keeps_form(change.new.inputs[name]):
        return None
    return change.new.computation(name, lambda new: column(model, change.old_names.get(new, new)), database.obj)


def find_repeated(change: Alteration, model: Any, names: Sequence[str]) -> list[str]:
    """Return the ids of the rows that repeat values of these fields, some of which are computed fields that are added.

    None are found if the change converts some of the values; then the database refuses the change.
    """
    values = [_value(change, model, name) for name in names]
    known = [value for value in values if value is not None]
    if len(known) < len(names):
        return []
    key = column(model, "id")
    number = fn.ROW_NUMBER().over(partition_by=known, order_by=[key]).alias("number")
    numbered = model.select(key.alias("id"), number).where(*(value.is_null(False) for value in known)).alias("numbered")
    query = Select([numbered], [numbered.c.id]).where(numbered.c.number > 1).order_by(numbered.c.id)
    return [str(row_id) for (row_id,) in database.execute(query).fetchall()]


def _value(change: Alteration, model: Any, name: str) -> ColumnBase | None:
    if change.new.fields[name].computed is not None and name in change.added:
        generated = _generated(change, model, name)
        return generated.stored if generated else None
    return column(model, change.old_names[name]) if change.keeps_form([name]) else None
