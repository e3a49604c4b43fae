"""SQL conditions made from triples of field, operator and value: the filters of a list, the row rules of a grant.

What decides the SQL text is their shape, and each value has a slot: a statement serves all triples of one shape.
"""

from functools import reduce
from operator import and_, or_

from peewee import OP, SQL, Expression

from backend.models.database import database
from backend.services.storage.statements import slot
from backend.utils.prefixes import prefix_end

COMPARISONS = {
    "eq": "=",
    "ne": "IS DISTINCT FROM",  # a NULL is not the value either, so it is found
    "gt": ">",
    "gte": ">=",
    "lt": "<",
    "lte": "<=",
}
NO_ROW, EVERY_ROW = SQL("1 = 0"), SQL("1 = 1")


def shape_of(triples):
    """Return what of the triples decides the SQL text: the field, the operator and how many values."""
    return tuple((field, operator, _value_count(operator, value)) for field, operator, value in triples)


def _value_count(operator, value):
    if operator == "in":
        return len(value)
    if operator == "startswith":
        return 1 if prefix_end(value) is None else 2
    return value if operator == "isnull" else 1


def slot_values(listable, triples, prefix):
    """Return the values of the triples' slots, whose names begin with `prefix`."""
    values = {}
    for i, (field, operator, value) in enumerate(triples):
        values |= _values(listable, field, operator, value, f"{prefix}{i}")
    return values


def _values(listable, field, operator, value, key):
    if operator == "isnull":
        return {}
    if operator == "in":
        return {f"{key}_{i}": listable.column(field).db_value(each) for i, each in enumerate(value)}
    if operator == "startswith":
        return {key: value, f"{key}_end": prefix_end(value)}
    return {key: value if operator == "has" else listable.column(field).db_value(value)}


def conditions(listable, shape, prefix):
    """Return the SQL condition of each triple of this shape; slot_values fills its slots."""
    return [_condition(listable, *each, f"{prefix}{i}") for i, each in enumerate(shape)]


def _condition(listable, field, operator, count, key):
    column = listable.column(field)
    if operator == "isnull":
        return column.is_null(count)
    if operator == "in":
        return column.in_([slot(f"{key}_{i}") for i in range(count)]) if count else NO_ROW
    if operator == "contains":
        return database.position(column, slot(key)) > 0
    if operator == "icontains":
        return database.position(database.fold(column), database.fold(slot(key))) > 0
    if operator == "has":
        return Expression(slot(key), OP.IN, column)
    if operator == "startswith":
        begins = column >= slot(key)
        return begins & (column < slot(f"{key}_end")) if count == 2 else begins
    return Expression(column, COMPARISONS[operator], slot(key))


def within(listable, shape, prefix="scope"):
    """Return the condition of a row's being within a Scope of this shape."""
    if shape is None:
        return EVERY_ROW
    alternatives = [conditions(listable, each, f"{prefix}{i}_") for i, each in enumerate(shape)]
    return reduce(or_, [reduce(and_, each) for each in alternatives]) if alternatives else NO_ROW


def scope_values(listable, scope, prefix="scope"):
    """Return the values of the slots of `within`."""
    values = {}
    for i, triples in enumerate(scope.alternatives):
        values |= slot_values(listable, triples, f"{prefix}{i}_")
    return values
