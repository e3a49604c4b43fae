"""Records: read, list, create, update, delete.

The functions at the end build queries. `resource.run(builder, *arguments, values=…)` builds the SQL once for these
arguments, caches it, and executes it with `values` in its slots. A Scope has a `shape`, its condition without values,
which is built into that SQL, and `values` for its slots.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from peewee import ModelInsert, ModelUpdate, Node, Select

from backend.models.database import database
from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.definitions.policies import Scope
from backend.services.errors import Denied, NotFound, PreconditionFailed, PreconditionMissing
from backend.services.records.conflicts import raising_conflicts
from backend.services.records.defaults import complete
from backend.services.records.deletions import delete_records
from backend.services.records.expansions import link_fields, plan_expansions
from backend.services.records.file_writes import attach_files
from backend.services.records.future_rows import future_links, require_in_scope
from backend.services.records.link_writes import changed_lists, insert_lists, new_lists, replace_lists
from backend.services.records.list_query import NO_EXPANSIONS, ExpandQuery, ListQuery
from backend.services.records.lists import RecordPage, list_rows
from backend.services.records.numbering import numbered
from backend.services.records.references import require_visible_references
from backend.services.records.related import expand
from backend.services.records.shown_links import VisibleLinks, visible_links
from backend.services.records.visible_queries import visible_query
from backend.services.storage.answer_sizes import bounded_json, require_fitting, response_limit
from backend.services.storage.conditions import Condition
from backend.services.storage.full_text import update_search_index
from backend.services.storage.listable import Shown
from backend.services.storage.recording import recorded
from backend.services.storage.statements import one_plan, slot
from backend.utils.clock import rfc3339, utcnow
from backend.utils.ids import uuid7

Hidden = frozenset[str]  # the fields that an actor may not see


class Record(NamedTuple):
    """A record as the API returns it: its JSON text and its version.

    `is_partial` says whether links may be left out, because the actor may not read all targets.
    """

    json: str
    version: int
    is_partial: bool = False


def list_records(actor: Actor, resource: Resource, query: ListQuery) -> RecordPage:
    """Return the RecordPage of the records the actor may list, with the related records that the query asks for.

    Raises Unauthenticated or Denied if the actor has no grant, Invalid if the query uses a hidden field or an unknown
    expansion, Malformed if the cursor is from a different query.
    """
    scope = policies.authorize(resource, "list", actor)
    query = visible_query(actor, resource, query)
    table = resource.with_paths(query.paths)
    if not query.expand.paths:
        return list_rows(table, scope, query)
    expansions = plan_expansions(actor, resource, query.expand, query.per_page)
    page = list_rows(table, scope, query, link_fields(expansions))
    return replace(page, items=expand(expansions, page.items, page.link_values))


def get_record(actor: Actor, resource: Resource, record_id: str, expand_query: ExpandQuery = NO_EXPANSIONS) -> Record:
    """Return the Record, with the related records that `expand_query` asks for.

    Raises NotFound if it does not exist for the actor, Invalid if an expansion is unknown or the record is too large.
    """
    scope = policies.authorize(resource, "read", actor)
    hidden = policies.hidden_fields(resource.definition, actor)
    if expand_query.paths:
        return _get_expanded(actor, resource, record_id, expand_query, scope, resource.visible_fields_or_all(hidden))
    visible = visible_links(actor, resource)
    rows = _read(resource, record_id, scope, hidden, visible)
    if not rows:
        raise _missing(resource)
    return _record_of(rows[0])._replace(is_partial=bool(visible.shown))


def _read(
    resource: Resource, record_id: str, scope: Scope, hidden: Hidden, visible: VisibleLinks
) -> list[tuple[Any, ...]]:
    """Return the row of _record_columns of a record; none if it is not in the Scope."""
    values = {"id": record_id, **scope.values(resource), **visible.values}
    shape = (scope.shape, hidden, visible.shown, response_limit.max_bytes)
    return resource.run(_select_one_query, *shape, values=values)


def _get_expanded(
    actor: Actor,
    resource: Resource,
    record_id: str,
    expand_query: ExpandQuery,
    scope: Scope,
    fields: tuple[str, ...] | None,  # None means all
) -> Record:
    expansions, links = plan_expansions(actor, resource, expand_query, 1), visible_links(actor, resource)
    query = ListQuery(filters=(("id", "eq", record_id),), fields=fields, per_page=1, count=False, links=links)
    # The items of a page are JSON texts, so `version` is read as an extra column, and arrives in `link_values`.
    page = list_rows(resource, scope, query, ("version", *link_fields(expansions)))
    if not page.items:
        raise _missing(resource)
    (expanded,) = expand(expansions, page.items, page.link_values)
    return Record(expanded, int(page.link_values[0]["version"]))


def visible_fields(actor: Actor, resource: Resource) -> tuple[str, ...]:
    """Return the names of the fields that the actor may read, system fields included, in the order of responses."""
    hidden = policies.hidden_fields(resource.definition, actor)
    return tuple(name for name in resource.fields if name not in hidden)


def _missing(resource: Resource) -> NotFound:
    return NotFound(f"There is no such record of {resource.name}.")


def create_record(actor: Actor, resource: Resource, data: Mapping[str, Any]) -> tuple[str, Record]:
    """Insert a record with `data`, and with defaults for all other fields, and return (id, Record).

    Raises Invalid for a field the actor may not set and for a reference to a record they cannot see, Denied for a
    record they may not create, Conflict for a value that must be unique.
    """
    scope = policies.authorize(resource, "create", actor)
    policies.require_may_set(resource.definition, actor, data)
    now = rfc3339(utcnow())
    values = new_row(actor, resource, complete(actor, resource, data, now), now)
    hidden = policies.hidden_fields(resource.definition, actor)
    with raising_conflicts(actor, resource), database.atomic():
        # No definition can change until the commit; raises Unavailable if this one has changed since the request began.
        resource.hold_definition()
        require_visible_references(actor, resource, data)
        lists = new_lists(actor, resource, data) if resource.definition.links else {}
        attach_files(actor, resource, {values["id"]: data}, are_new=True)
        require_in_scope(resource, scope, values | future_links(resource, lists))
        with recorded(actor.user_id, resource, [values["id"]]):
            (values,) = numbered(resource, [values])
            rows = resource.run(_insert_query, hidden, response_limit.max_bytes, values=values)
            if resource.definition.links:
                insert_lists(resource, {values["id"]: lists})
                rows = _read(resource, values["id"], policies.EVERYTHING, hidden, visible_links(actor, resource))
        update_search_index(resource, {values["id"]: values})
        return values["id"], _record_of(rows[0])


def new_row(actor: Actor, resource: Resource, data: Mapping[str, Any], now: str) -> dict[str, Any]:
    """Return the row of a new record, a value for each column; `data` has all fields.

    `now` is when it is created, as RFC 3339 text.
    """
    system = {"id": uuid7(), "created_at": now, "updated_at": now, "created_by": actor.user_id, "version": 1}
    resource.require_indexable(data)
    return resource.to_columns(data) | system


def update_record(
    actor: Actor, resource: Resource, record_id: str, data: Mapping[str, Any], if_match: Container[str] | None = None
) -> Record:
    """Change the fields in `data` and return the updated Record.

    `if_match` holds the accepted versions, as text. None accepts any version, unless the definition has
    `require_if_match`: then PreconditionMissing is raised. Raises NotFound for a record the actor may not read, Denied
    for one they may not change, PreconditionFailed if the version is not accepted, Invalid for a value that is not
    valid, Conflict for a value that must be unique.
    """
    scope = policies.authorize(resource, "update", actor)
    policies.require_may_set(resource.definition, actor, data)
    with raising_conflicts(actor, resource), database.atomic():
        resource.hold_definition()
        _lock_and_check(actor, resource, record_id, scope, if_match, verb="change")
        if not data:
            return get_record(actor, resource, record_id)
        require_visible_references(actor, resource, data, record_id)
        resource.require_indexable(data)
        columns = resource.to_columns(data)
        lists = changed_lists(actor, resource, record_id, data) if resource.definition.links else {}
        if not columns and not lists:
            return get_record(actor, resource, record_id)
        attach_files(actor, resource, {record_id: data}, are_new=False)
        values = {"updated_at": rfc3339(utcnow())} | columns
        future = values | future_links(resource, lists)
        # The row can leave the scope only if the write changes a field that the scope uses; each changes `version`.
        written = resource.definition.with_computed({*future, "version"})
        if scope.depends_on(written):
            require_in_scope(resource, scope, future, record_id)
        hidden = policies.hidden_fields(resource.definition, actor)
        visible = visible_links(actor, resource)
        shape = (tuple(sorted(columns)), hidden, visible.shown, response_limit.max_bytes)
        with recorded(actor.user_id, resource, [record_id], written):
            replace_lists(resource, {record_id: lists})
            slots = {**values, **visible.values, "id": record_id}
            (changed,) = resource.run(_update_query, *shape, values=slots)
        update_search_index(resource, {record_id: values})
        return _record_of(changed)


def delete_record(actor: Actor, resource: Resource, record_id: str, if_match: Container[str] | None = None) -> None:
    """Delete the record, and apply `on_delete` to the records that refer to it.

    Raises NotFound, Denied, PreconditionMissing and PreconditionFailed as update_record does, and Conflict if a record
    refers to it with `on_delete: restrict`.
    """
    scope = policies.authorize(resource, "delete", actor)
    with database.atomic():
        resource.hold_definition()
        _lock_and_check(actor, resource, record_id, scope, if_match, verb="delete")
        delete_records(actor, resource, [record_id])


def _lock_and_check(
    actor: Actor, resource: Resource, record_id: str, scope: Scope, if_match: Container[str] | None, *, verb: str
) -> None:
    """Lock the row; check that the actor may write it and that the client has its current version."""
    if if_match is None and resource.definition.require_if_match:
        raise PreconditionMissing()
    readable = policies.scope(resource, "read", actor)
    values = {"id": record_id} | readable.values(resource, "read")
    values |= scope.values(resource, "write")
    rows = resource.run(_select_for_write_query, readable.shape, scope.shape, values=values)
    version, may_read, may_write = rows[0] if rows else (None, False, False)
    if not may_read:
        raise _missing(resource)
    if not may_write:
        raise Denied(f"You may not {verb} this record of {resource.name}.")
    if if_match is not None and str(version) not in if_match:
        raise PreconditionFailed()


def _record_of(row: Sequence[Any]) -> Record:
    """Return the Record from a row with the columns of `_record_columns`.

    Raises Invalid if it is too large for a response.
    """
    record_json, version = row
    return Record(require_fitting(record_json), version)


def _record_columns(resource: Resource, hidden: Hidden, shown: Shown, max_bytes: int) -> tuple[Node, Node]:
    """Return the SQL expressions of a record's JSON and version.

    The JSON is NULL if it is larger than `max_bytes`.
    """
    names = resource.visible_fields_or_all(hidden)
    return bounded_json(resource, names, max_bytes, shown), resource.column("version")


@one_plan
def _select_one_query(resource: Resource, scope: Condition, hidden: Hidden, shown: Shown, max_bytes: int) -> Select:
    condition = resource.one().scoped(resource.column("id") == slot("id"), scope)
    return resource.model.select(*_record_columns(resource, hidden, shown, max_bytes)).where(condition)


@one_plan
def _select_for_write_query(resource: Resource, readable: Condition, writable: Condition) -> Select:
    row = resource.one()
    scopes = [readable.sql(row, "read"), writable.sql(row, "write")]
    query = resource.model.select(resource.column("version"), *scopes)
    return database.lock_for_update(query.where(resource.column("id") == slot("id")))


@one_plan
def _insert_query(resource: Resource, hidden: Hidden, max_bytes: int) -> ModelInsert:
    values = {resource.column(name): slot(name) for name in resource.definition.inserted_fields}
    return resource.model.insert(values).returning(*_record_columns(resource, hidden, (), max_bytes))


@one_plan
def _update_query(
    resource: Resource, names: tuple[str, ...], hidden: Hidden, shown: Shown, max_bytes: int
) -> ModelUpdate:
    version = resource.column("version")
    values = {resource.column(name): slot(name) for name in (*names, "updated_at")} | {version: version + 1}
    query = resource.model.update(values).where(resource.column("id") == slot("id"))
    return query.returning(*_record_columns(resource, hidden, shown, max_bytes))
