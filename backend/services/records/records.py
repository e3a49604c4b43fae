"""Records: read, list, create, update, delete."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from peewee import ModelInsert, ModelUpdate, Node, Select

from backend.models.database import database
from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.definitions.policies import Scope
from backend.services.errors import Denied, NotFound, PreconditionFailed, PreconditionMissing
from backend.services.records.conflicts import conflicts
from backend.services.records.deletions import delete_records
from backend.services.records.expansions import links_of, plan_expansions
from backend.services.records.list_query import ListQuery
from backend.services.records.lists import RecordPage, list_rows
from backend.services.records.references import require_visible_references
from backend.services.records.related import expand
from backend.services.records.row_checks import require_within
from backend.services.storage import history
from backend.services.storage.answer_sizes import answer_bound, bounded_json, require_fitting
from backend.services.storage.conditions import ScopeShape, scope_values, within
from backend.services.storage.full_text import write_words
from backend.services.storage.statements import slot
from backend.utils.clock import rfc3339, utcnow
from backend.utils.ids import uuid7

Hidden = frozenset[str]  # the fields that an actor may not see


class Record(NamedTuple):
    """A record as it is answered: its JSON text and its version."""

    json: str
    version: int


def list_records(actor: Actor, resource: Resource, query: ListQuery) -> RecordPage:
    """Return the RecordPage of the records the actor may list, with what the query expands.

    Raises Unauthenticated or Denied without a grant, Invalid for a field that is hidden from them and for an expansion
    that does not exist for them, Malformed for a cursor that is not of this query.
    """
    allowed = policies.authorize(resource.definition, "list", actor)
    if hidden := policies.hidden_fields(resource.definition, actor):
        query = query.without(hidden, resource)
    if not query.expand:
        return list_rows(resource, allowed, query)
    expansions = plan_expansions(actor, resource, query.expand, query.per_page)
    page = list_rows(resource, allowed, query, links_of(expansions))
    return replace(page, items=expand(expansions, page.items, page.links))


def get_record(actor: Actor, resource: Resource, record_id: str, expansions: Sequence[str] = ()) -> Record:
    """Return the Record, expanded along the paths `expansions`.

    Raises NotFound when it does not exist for the actor, Invalid for expansions as list_records does.
    """
    allowed = policies.authorize(resource.definition, "read", actor)
    hidden = policies.hidden_fields(resource.definition, actor)
    if expansions:
        return _get_expanded(actor, resource, record_id, expansions, allowed, resource.visible_fields(hidden))
    values = {"id": record_id} | scope_values(resource, allowed.alternatives)
    rows = resource.run(_select_one, allowed.shape, hidden, answer_bound.max_bytes, values=values)
    if not rows:
        raise _missing(resource)
    return _record_of(rows[0])


def _get_expanded(
    actor: Actor,
    resource: Resource,
    record_id: str,
    paths: Sequence[str],
    allowed: Scope,
    fields: tuple[str, ...] | None,
) -> Record:
    expansions = plan_expansions(actor, resource, paths, 1)
    query = ListQuery(filters=(("id", "eq", record_id),), fields=fields, per_page=1, count=False)
    page = list_rows(resource, allowed, query, ("version", *links_of(expansions)))
    if not page.items:
        raise _missing(resource)
    (expanded,) = expand(expansions, page.items, page.links)
    return Record(expanded, int(page.links[0]["version"]))


def visible_fields(actor: Actor, resource: Resource) -> tuple[str, ...]:
    """Return the names of the fields that the actor may read, in their order."""
    return resource.visible_fields(policies.hidden_fields(resource.definition, actor)) or tuple(resource.fields)


def _missing(resource: Resource) -> NotFound:
    return NotFound(f"There is no such record of {resource.name}.")


def create_record(actor: Actor, resource: Resource, data: Mapping[str, Any]) -> tuple[str, Record]:
    """Insert a record with the values of `data`, elsewhere the defaults, and return (id, Record).

    Raises Invalid for a field the actor may not set and for a reference to a record they cannot see, Denied for a
    record they may not create, Conflict for a value that must be unique.
    """
    allowed = policies.authorize(resource.definition, "create", actor)
    policies.require_may_set(resource.definition, actor, data)
    values = new_row(actor, resource, data)
    hidden = policies.hidden_fields(resource.definition, actor)
    with conflicts(actor, resource), database.atomic():
        resource.hold_definition()
        require_visible_references(actor, resource, data)
        require_within(resource, allowed, values)
        with history.recorded(actor.user_id, resource, [values["id"]]):
            record = _record_of(resource.run(_insert, hidden, answer_bound.max_bytes, values=values)[0])
        write_words(resource, {values["id"]: values})
        return values["id"], record


def new_row(actor: Actor, resource: Resource, data: Mapping[str, Any], now: str | None = None) -> dict[str, Any]:
    """Return the row of a new record, a value for each column; `now` is when it is created, as RFC 3339 text."""
    now = now or rfc3339(utcnow())
    system = {"id": uuid7(), "created_at": now, "updated_at": now, "created_by": actor.user_id, "version": 1}
    complete = {**resource.defaults, **data}
    resource.require_indexable(complete)
    return resource.to_columns(complete) | system


def update_record(
    actor: Actor, resource: Resource, record_id: str, data: Mapping[str, Any], if_match: Collection[str] | None = None
) -> Record:
    """Change the fields in `data` and return the Record as it is then.

    `if_match` holds the versions, as text, that the client would overwrite; None means any. Raises NotFound for a
    record the actor may not read, Denied for one it may not change, PreconditionFailed, Invalid, Conflict.
    """
    allowed = policies.authorize(resource.definition, "update", actor)
    policies.require_may_set(resource.definition, actor, data)
    with conflicts(actor, resource), database.atomic():
        resource.hold_definition()
        _lock_row(actor, resource, record_id, allowed, if_match)
        if not data:
            return get_record(actor, resource, record_id)
        require_visible_references(actor, resource, data)
        resource.require_indexable(data)
        values = {"updated_at": rfc3339(utcnow())} | resource.to_columns(data)
        if allowed.concerns({*values, "version"}):
            require_within(resource, allowed, values, record_id)
        hidden = policies.hidden_fields(resource.definition, actor)
        shape = tuple(sorted(data)), hidden, answer_bound.max_bytes
        with history.recorded(actor.user_id, resource, [record_id]):
            (changed,) = resource.run(_update, *shape, values=values | {"id": record_id})
        write_words(resource, {record_id: values})
        return _record_of(changed)


def delete_record(actor: Actor, resource: Resource, record_id: str, if_match: Collection[str] | None = None) -> None:
    """Delete the record; raises as update_record does, and Conflict while another record refers to it."""
    allowed = policies.authorize(resource.definition, "delete", actor)
    with database.atomic():
        resource.hold_definition()
        _lock_row(actor, resource, record_id, allowed, if_match)
        delete_records(actor, resource, [record_id])


def _lock_row(
    actor: Actor, resource: Resource, record_id: str, allowed: Scope, if_match: Collection[str] | None
) -> None:
    """Lock the row for a write that `allowed` must cover; the client must have seen its present version."""
    if if_match is None and resource.definition.require_if_match:
        raise PreconditionMissing()
    readable = policies.scope(resource.definition, "read", actor)
    values = {"id": record_id} | scope_values(resource, readable.alternatives, "read")
    values |= scope_values(resource, allowed.alternatives, "write")
    rows = resource.run(_select_for_write, readable.shape, allowed.shape, values=values)
    version, may_read, may_write = rows[0] if rows else (None, False, False)
    if not may_read:
        raise _missing(resource)
    if not may_write:
        raise Denied(f"You may not change this record of {resource.name}.")
    if if_match is not None and str(version) not in if_match:
        raise PreconditionFailed()


def _record_of(row: Sequence[Any]) -> Record:
    """Return the Record of a row of _answer; raise Invalid if it has more bytes than an answer may."""
    record_json, version = row
    return Record(require_fitting(record_json), version)


def _answer(resource: Resource, hidden: Hidden, most: int) -> tuple[Node, Node]:
    """Return the expressions of a Record of at most so many bytes."""
    return bounded_json(resource, resource.visible_fields(hidden), most), resource.column("version")


def _select_one(resource: Resource, scope: ScopeShape, hidden: Hidden, most: int) -> Select:
    mine = resource.scoped(resource.column("id") == slot("id"), scope)
    return resource.model.select(*_answer(resource, hidden, most)).where(mine)


def _select_for_write(resource: Resource, readable: ScopeShape, writable: ScopeShape) -> Select:
    scopes = [within(resource, shape, prefix) for shape, prefix in ((readable, "read"), (writable, "write"))]
    query = resource.model.select(resource.column("version"), *scopes)
    return database.lock_for_update(query.where(resource.column("id") == slot("id")))


def _insert(resource: Resource, hidden: Hidden, most: int) -> ModelInsert:
    values = {resource.column(name): slot(name) for name in resource.fields}
    return resource.model.insert(values).returning(*_answer(resource, hidden, most))


def _update(resource: Resource, names: tuple[str, ...], hidden: Hidden, most: int) -> ModelUpdate:
    version = resource.column("version")
    values = {resource.column(name): slot(name) for name in (*names, "updated_at")} | {version: version + 1}
    query = resource.model.update(values).where(resource.column("id") == slot("id"))
    return query.returning(*_answer(resource, hidden, most))
