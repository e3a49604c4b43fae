"""The history of a record, as far as an actor may read it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from peewee import ColumnBase, fn

from backend.models.database import database
from backend.models.history_entry import HistoryEntry, KeptFields
from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Catalog, Resource
from backend.services.errors import Denied, Invalid
from backend.services.records.records import get_record
from backend.services.records.shown_links import ids_within, visible_targets
from backend.services.storage.answer_sizes import response_limit
from backend.utils.problems import Problem

KeptByName = dict[str, dict[str, Any]]  # what KeptFields say about each field


class ReadableEntry(NamedTuple):
    """A history entry; `changes` is {field: (value before, value after)} of the fields that the reader may see."""

    version: int
    action: str
    changes: dict[str, tuple[Any, Any]]
    changed_at: datetime
    changed_by: str | None


def list_history(
    actor: Actor, resource: Resource, record_id: str, *, page: int, per_page: int
) -> tuple[list[ReadableEntry], int]:
    """Return a page of the record's history, the latest entry first, and how many entries there are.

    A reader who is not an admin sees the values of fields that they could read when the entry was kept and that are not
    hidden from them today, under whatever name. Raises NotFound for a record the actor may not read, and for one that
    is deleted unless they are an admin; Denied if a rule on its values decides whether they may read it: it may have
    had others before.
    """
    allowed = policies.authorize(resource, "read", actor)
    if allowed.depends_on(resource.definition.fields):
        raise Denied(
            "History is not available to you here: a row rule limits which records you may read,"
            " and earlier versions may not have met it."
        )
    mine = (HistoryEntry.resource == resource.name) & (HistoryEntry.record_id == record_id)
    _require_fitting(mine, page, per_page)
    entries = HistoryEntry.select().where(mine).order_by(HistoryEntry.number.desc()).paginate(page, per_page)
    readable = _readable(actor, resource, list(entries))
    total = HistoryEntry.select().where(mine).count()
    if not (actor.is_admin and total):
        get_record(actor, resource, record_id)
    return readable, total


def _readable(actor: Actor, resource: Resource, entries: list[HistoryEntry]) -> list[ReadableEntry]:
    hidden = policies.hidden_fields(resource.definition, actor)
    kept = {each.id: each.fields for each in KeptFields.select().where(KeptFields.resource == resource.name)}
    fields_of = [{} if entry.fields_id is None else kept.get(entry.fields_id, {}) for entry in entries]
    visible = {} if actor.is_admin else _visible_targets(actor, resource, entries, fields_of)
    readable = []
    for entry, fields in zip(entries, fields_of, strict=True):
        changes = {
            name: (was, now)
            for name, (was, now) in entry.changes.items()
            if actor.is_admin or name == "created_by" or _may_read(actor, fields.get(name), hidden)
        }
        if visible:
            changes = _without_hidden_links(changes, fields, visible)
        readable.append(ReadableEntry(entry.version, entry.action, changes, entry.created_at, entry.created_by))
    return readable


def _visible_targets(
    actor: Actor, resource: Resource, entries: list[HistoryEntry], fields_of: list[KeptByName]
) -> dict[str | None, set[str]]:
    """Return the ids in lists of references that the actor may read today, by the resource they belong to."""
    ids: dict[str | None, set[str]] = {}
    for entry, fields in zip(entries, fields_of, strict=True):
        for name in [name for name in entry.changes if "to" in fields.get(name, ())]:
            ids.setdefault(fields[name]["to"], set()).update(*(value or () for value in entry.changes[name]))
    return {to: _readable_ids(actor, resource.catalog, to, found) for to, found in ids.items()}


def _readable_ids(actor: Actor, catalog: Catalog, name: str | None, ids: set[str]) -> set[str]:
    if name is None or not ids:
        return set()
    target = catalog.target(name)
    scope = visible_targets(actor, target)
    return ids if scope.everything else ids_within(target, scope, ids)  # all, also those of deleted records


def _without_hidden_links(
    changes: Mapping[str, tuple[Any, Any]], fields: KeptByName, visible: Mapping[str | None, set[str]]
) -> dict[str, tuple[Any, Any]]:
    """Return the changes with the visible ids of lists only; a list of which only others changed is left out."""
    shown: dict[str, tuple[Any, Any]] = {}
    for name, values in changes.items():
        if "to" not in fields.get(name, ()):
            shown[name] = values
            continue
        ids = visible[fields[name]["to"]]
        was, now = (None if value is None else [each for each in value if each in ids] for value in values)
        if was != now:
            shown[name] = was, now
    return shown


def _may_read(actor: Actor, kept: dict[str, Any] | None, hidden: frozenset[str]) -> bool:
    """Return whether the actor may read a field of which KeptFields say this."""
    if kept is None:
        return False
    return kept["now"] not in hidden and not any(actor.roles.isdisjoint(roles) for roles in kept["readers"])


def _require_fitting(mine: ColumnBase, page: int, per_page: int) -> None:
    """Raise Invalid for a page of entries with more bytes than a response may have.

    How many is not said: some may be of hidden fields. A single entry is always answered.
    """
    text = database.json_text(HistoryEntry.changes)
    sizes = HistoryEntry.select(fn.octet_length(text)).where(mine).order_by(HistoryEntry.number.desc())
    found = database.execute(sizes.paginate(page, per_page)).fetchall()
    if sum(size for (size,) in found) > response_limit.max_bytes and len(found) > 1:
        why = f"These entries have more than {response_limit.max_bytes:,} bytes (LARDER_MAX_ANSWER_BYTES)"
        problem = Problem("response_too_large", f"{why}; ask for a smaller `per_page`.", limit=response_limit.max_bytes)
        raise Invalid({"per_page": [problem]}, location="query")
