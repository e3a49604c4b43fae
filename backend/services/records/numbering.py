"""Gives new records the numbers of their sequences."""

from collections.abc import Sequence
from typing import Any

from peewee import ModelUpdate

from backend.models.counter import Counter
from backend.services.definitions.catalog import Resource
from backend.services.storage.statements import one_plan, slot

Row = dict[str, Any]  # of a new record, a value for each column


def numbered(resource: Resource, rows: Sequence[Row]) -> Sequence[Row]:
    """Return the rows with the next numbers of each sequence, in their order, where they have none.

    Rows that have a number keep it, and later numbers are greater. Call it in the transaction that inserts the rows:
    others that create records of the resource wait for its end, so that numbers become visible in their order.
    """
    for name in resource.definition.sequences:
        if given := [row[name] for row in rows if row[name] is not None]:
            resource.run(_raise_query, name, values={"next_number": max(given) + 1})
        if missing := len(rows) - len(given):
            ((next_number,),) = resource.run(_advance_query, name, values={"count": missing})
            numbers = iter(range(next_number - missing, next_number))
            rows = [row if row[name] is not None else row | {name: next(numbers)} for row in rows]
    return rows


@one_plan
def _advance_query(resource: Resource, name: str) -> ModelUpdate:
    query = Counter.update(next_number=Counter.next_number + slot("count"))
    return query.where(Counter.resource == resource.name, Counter.field == name).returning(Counter.next_number)


@one_plan
def _raise_query(resource: Resource, name: str) -> ModelUpdate:
    query = Counter.update(next_number=slot("next_number")).where(Counter.next_number < slot("next_number"))
    return query.where(Counter.resource == resource.name, Counter.field == name).returning(Counter.next_number)
