"""Finds the steps of an Alteration that concern computed fields and the `checks`."""

from collections.abc import Iterator
from typing import Any

from peewee import SQL, ColumnBase, Expression, Select, fn

from backend.models.database import database
from backend.models.records import column
from backend.services.definitions.changes import Alteration
from backend.services.definitions.computed.compiling import Computation
from backend.services.definitions.field_sets import FieldSet
from backend.services.definitions.future_columns import FutureColumns, Unknown
from backend.services.definitions.own_where import read_own_where
from backend.services.definitions.record_checks import text_of_check
from backend.services.definitions.steps import NO_ROWS, Action, Rows, Step, find_rows, make_step, record_count_text
from backend.services.storage.conditions import EVERY
from backend.services.storage.literals import SLOTS, slot_values
from backend.services.storage.statements import Statement


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
        action: Action = "change_computed" if is_recomputed else "add_field"
        yield make_step(action, change.name, f"{verb} as `{field.computed}`{reason}.", name, preventing=unfit)
    for name in sorted(change.new.computed_fields.keys() & change.old_names.keys()):
        old, new = change.field_pairs[name]
        unfit = _unfit_rows(change, model, name) if old.readable_by is not None and new.readable_by is None else NO_ROWS
        if unfit.total:
            text = f"Refuse values that do not fit {name}, as in {record_count_text(unfit.total)}."
            yield make_step("change_computed", change.name, text, name, preventing=unfit)


def _unfit_rows(change: Alteration, model: Any, name: str) -> Rows:
    if change.new.fields[name].readable_by is not None:  # then such a value is null
        return NO_ROWS
    try:
        computation = _computation(change, model, name)
    except Unknown:
        return NO_ROWS
    return find_rows(model, computation.computed.is_null(False) & computation.stored.is_null())


def _computation(change: Alteration, model: Any, name: str) -> Computation:
    return change.new.computation(name, FutureColumns(change, model).column, database.obj)


def find_repeated(change: Alteration, model: Any, field_set: FieldSet) -> list[str]:
    """Return the ids of the rows that repeat values of a unique set that has a rule or computed fields.

    None are found if the change converts some of the values; then the database refuses the change.
    """
    future, fields = FutureColumns(change, model), change.new.all_fields
    rule = read_own_where(field_set.where, fields) if field_set.rule else EVERY
    try:
        values: list[ColumnBase] = [
            fields[name].compared(future.column(name), database.obj) for name in field_set.fields
        ]
        met = rule.shape.sql(future, SLOTS)
    except Unknown:
        return []
    key = column(model, "id")
    number = fn.ROW_NUMBER().over(partition_by=values, order_by=[key]).alias("number")
    known = [value.is_null(False) for value in values]
    numbered = model.select(key.alias("id"), number).where(met, *known).alias("numbered")
    query = Select([numbered], [numbered.c.id]).where(numbered.c.number > 1).order_by(numbered.c.id)
    found = Statement(query.bind(database.obj)).run(slot_values(rule, fields))
    return [str(row_id) for (row_id,) in found]


def check_steps(change: Alteration, model: Any) -> Iterator[Step]:
    """Yield a step for each check that is added, changed or dropped. Rows that do not meet a check prevent it."""
    old, new = change.old_checks, change.new.checks
    for name in sorted(old.keys() - new.keys()):
        yield make_step("drop_check", change.name, f"Drop the check {name}.", name)
    for name, where in new.items():
        unfit = _rows_against(change, model, name)
        if old.get(name) == where and not unfit.total:
            continue
        action: Action = "change_check" if name in old else "add_check"
        verb = "Change" if name in old else "Add"
        reason = f", which {record_count_text(unfit.total)} would not meet" if unfit.total else ""
        text = f"{verb} the check {name}: {text_of_check(where)}{reason}."
        yield make_step(action, change.name, text, name, preventing=unfit)


def _rows_against(change: Alteration, model: Any, name: str) -> Rows:
    condition = change.new.conditions[name]
    is_same = change.old_checks.get(name) == change.new.checks[name]
    if is_same and change.keeps_values(condition.own_fields) and condition.own_fields.isdisjoint(change.recased):
        return NO_ROWS
    try:
        future = condition.shape.sql(FutureColumns(change, model), SLOTS)
    except Unknown:
        return NO_ROWS
    values = slot_values(condition, change.new.all_fields)
    return find_rows(model, Expression(future, "IS", SQL("FALSE")), values)
