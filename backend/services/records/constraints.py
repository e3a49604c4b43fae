"""The constraints of a resource's table: that records meet the `checks`, and that values fit their computed fields."""

from typing import Any

from peewee import SQL, Case, ColumnBase, Expression, Select

from backend.models.database import database
from backend.models.records import constraint_name
from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.definitions.definition import Definition
from backend.services.definitions.record_checks import text_of_check
from backend.services.errors import Invalid
from backend.services.records.future_rows import FutureRow
from backend.services.storage.literals import SLOTS, slot_values
from backend.services.storage.statements import slot
from backend.utils.problems import Problem


def unmet_constraint(actor: Actor, definition: Definition, constraint: str) -> Invalid | None:
    """Return the Invalid of values that do not meet the constraint of this name; it names no field that is hidden.

    Return None if the definition has no such constraint.
    """
    for name in definition.computed_fields:
        if constraint_name("fits", name) == constraint:
            text = "The value that is computed for this field does not fit it."
            return Invalid({name: [Problem("too_large", text)]})
    for name, condition in definition.conditions.items():
        if constraint_name("check", name) == constraint:
            if policies.hidden_fields(definition, actor).isdisjoint(condition.own_fields):
                text = f"Check: {text_of_check(definition.checks[name])}."
                return Invalid({name: [Problem("check_failed", text)]})
            return Invalid({"_schema": [Problem("check_failed", "These values do not meet a check of the resource.")]})
    return None


def require_constraints(actor: Actor, resource: Resource, values: dict[str, Any], record_id: str | None = None) -> None:
    """Raise Invalid if a row with these values, by column, would not meet a constraint. An import calls it.

    An existing record keeps its other values.
    """
    definition = resource.definition
    if not definition.conditions and not definition.computed_fields:
        return
    slots: dict[str, Any] = {f"row.{name}": value for name, value in values.items()} | {"id": record_id}
    for number, condition in enumerate(definition.conditions.values()):
        found = slot_values(condition, definition.all_fields)
        slots |= {name.replace(SLOTS, f"{SLOTS}{number}", 1): value for name, value in found.items()}
    names = tuple(sorted(values))
    for unmet in resource.run(_select_unmet, names, record_id is None, values=slots)[0]:
        if unmet and (problem := unmet_constraint(actor, definition, unmet)):
            raise problem


def _select_unmet(resource: Resource, names: tuple[str, ...], is_new: bool) -> Select:
    """Build the query of the names of the constraints that a future row does not meet, NULL for the others."""
    query = resource.model.select(*_unmet_names(resource.definition, FutureRow(resource, names)))
    return query.from_() if is_new else query.where(resource.column("id") == slot("id"))


def _unmet_names(definition: Definition, row: FutureRow) -> list[ColumnBase]:
    unmet = [
        ("check", name, Expression(condition.shape.sql(row, f"{SLOTS}{number}"), "IS", SQL("FALSE")))
        for number, (name, condition) in enumerate(definition.conditions.items())
    ]
    for name, field in definition.computed_fields.items():
        if field.readable_by is None:
            computation = definition.computation(name, row.column, database.obj)
            unmet.append(("fits", name, computation.computed.is_null(False) & computation.stored.is_null()))
    return [
        Case(None, [(condition, SQL(database.literal(constraint_name(kind, name))))], None)
        for kind, name, condition in unmet
    ]
