"""Looks up records by many values with one statement."""

import datetime
import uuid
from collections.abc import Iterable, Iterator
from functools import reduce
from operator import and_
from typing import Any, NamedTuple, TypeVar

from peewee import ColumnBase, Expression, NodeList, Select

from backend.services.access.actors import Actor
from backend.services.access.permissions import has_permission
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.definitions.definition import Definition
from backend.services.storage.conditions import Condition
from backend.services.storage.statements import slot
from backend.utils.clock import rfc3339

AT_ONCE = 200  # values in one statement; fewer are padded with the last value, so that the SQL is always the same

Value = TypeVar("Value")


class StoredRecord(NamedTuple):
    """A stored record: its version, whether the actor may change it, and a map of column to value."""

    id: str
    version: int
    may_change: bool
    values: dict[str, Any]


def find_visible_many(actor: Actor, resource: Resource, field: str, values: Iterable[Any]) -> dict[Any, str]:
    """Return {value: id} of the records whose `field` has one of the values, and to which the actor may refer.

    The values are in compared form.
    """
    allowed = policies.scope(resource, resource.definition.reference_action, actor)
    if not allowed or field in unusable_keys(resource.definition, actor):
        return {}
    found: dict[Any, str] = {}
    for chunk in _chunks(values):
        slots = _slots(chunk) | allowed.values(resource)
        rows = resource.run(_find, field, allowed.shape, values=slots)
        found |= {_compared(resource, field, value): str(record_id) for value, record_id in rows}
    return found


def unusable_keys(definition: Definition, actor: Actor) -> frozenset[str]:
    """Return the fields by which the actor cannot find a record: the hidden ones, unless a permission allows it."""
    hidden = policies.hidden_fields(definition, actor)
    by_permission = definition.lookup_permissions.items()
    return hidden - {name for name, needed in by_permission if name in hidden and has_permission(actor, needed)}


def find_for_change(
    actor: Actor, resource: Resource, key: tuple[str, ...], tuples: Iterable[tuple[Any, ...]], names: tuple[str, ...]
) -> dict[tuple[Any, ...], StoredRecord]:
    """Return {tuple: StoredRecord} of the records that the actor may read, with the columns `names`.

    The `tuples` of values of the `key` are in compared form, so are the keys of the result.
    """
    readable, writable = (policies.scope(resource, action, actor) for action in ("read", "update"))
    if not readable or policies.hidden_fields(resource.definition, actor).intersection(key):
        return {}
    scopes = readable.values(resource) | writable.values(resource, "write")
    found = {}
    for chunk in _chunks(tuples):
        shapes = readable.shape, writable.shape
        rows = resource.run(_find_for_change, key, *shapes, names, values=_tuple_slots(key, chunk) | scopes)
        for record_id, version, may_change, *rest in rows:
            values = map(_compared, [resource] * len(key), key, rest)
            kept = dict(zip(names, map(_bound_form, rest[len(key) :]), strict=True))
            found[tuple(values)] = StoredRecord(str(record_id), version, bool(may_change), kept)
    return found


def find_taken(
    resource: Resource, names: tuple[str, ...], rule: Condition, tuples: Iterable[tuple[Any, ...]]
) -> dict[tuple[Any, ...], str]:
    """Return {tuple: id} of the records that meet the rule and have one of these tuples in the columns `names`.

    The values in the tuples are in compared form.
    """
    found: dict[tuple[Any, ...], str] = {}
    for chunk in _chunks(tuples):
        slots = _tuple_slots(names, chunk) | rule.values(resource, "scope")
        found |= {
            tuple(_compared(resource, *each) for each in zip(names, values, strict=True)): str(record_id)
            for record_id, *values in resource.run(_find_taken, names, rule.shape, values=slots)
        }
    return found


def _chunks(values: Iterable[Value]) -> Iterator[list[Value]]:
    """Yield the values in lists of AT_ONCE, the last one padded with its last value."""
    listed = list(values)
    for start in range(0, len(listed), AT_ONCE):
        chunk = listed[start : start + AT_ONCE]
        yield chunk + chunk[-1:] * (AT_ONCE - len(chunk))


def _slots(values: list[Any]) -> dict[str, Any]:
    return {f"value{i}": value for i, value in enumerate(values)}


def _tuple_slots(names: tuple[str, ...], tuples: list[tuple[Any, ...]]) -> dict[str, Any]:
    return {f"{i}.{name}": value for i, row in enumerate(tuples) for name, value in zip(names, row, strict=True)}


def _compared(resource: Resource, name: str, value: Any) -> Any:
    """Return what a value that the database returned is compared by."""
    return resource.fields[name].compared_value(_bound_form(value))


def _bound_form(value: Any) -> Any:
    """Convert a value that the database returned to the form in which it is bound to statements."""
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, datetime.datetime):
        return rfc3339(value)
    return value.isoformat() if isinstance(value, datetime.date | datetime.time) else value


def _find(resource: Resource, field: str, shape: Condition) -> Select:
    column = resource.column(field)
    among = resource.compared(field).in_([slot(f"value{i}") for i in range(AT_ONCE)])
    return resource.model.select(column, resource.column("id")).where(resource.scoped(among, shape))


def _find_for_change(
    resource: Resource, key: tuple[str, ...], readable: Condition, writable: Condition, names: tuple[str, ...]
) -> Select:
    columns = [resource.column(name) for name in (*key, *names)]
    among = _are_among({name: resource.compared(name) for name in key})
    facts = (resource.column("id"), resource.column("version"), writable.sql(resource.one(), "write"))
    return resource.model.select(*facts, *columns).where(resource.scoped(among, readable))


def _find_taken(resource: Resource, names: tuple[str, ...], rule: Condition) -> Select:
    columns = [resource.column(name) for name in names]
    among = _are_among({name: resource.compared(name) for name in names})
    return resource.model.select(resource.column("id"), *columns).where(resource.scoped(among, rule))


def _are_among(compared: dict[str, ColumnBase]) -> ColumnBase:
    """Return the condition that the expressions have the values of one of the tuples in the slots."""
    if len(compared) == 1:
        ((name, each),) = compared.items()
        return each.in_([slot(f"{i}.{name}") for i in range(AT_ONCE)])
    terms = [
        reduce(and_, [Expression(each, "=", slot(f"{i}.{name}")) for name, each in compared.items()])
        for i in range(AT_ONCE)
    ]
    # A flat list: if the terms were nested, the SQL parser would reach its depth limit.
    return NodeList(terms, glue=" OR ", parens=True)
