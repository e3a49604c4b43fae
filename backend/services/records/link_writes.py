"""Writes the links of records: the fields that hold the ids of several records."""

import json
from collections.abc import Mapping
from typing import Any

from peewee import SQL, Delete, Select

from backend.models.database import database
from backend.models.links import insert_links_sql
from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.errors import Invalid
from backend.services.records.references import no_such_record
from backend.services.records.shown_links import VisibleLinks, ids_within, visible_links
from backend.services.storage.listable import Shown
from backend.services.storage.statements import slot
from backend.utils.problems import Problem

Lists = Mapping[str, list[str]]  # map of field to the ids in it
Change = list[str] | dict[str, list[str]]  # a whole list, or the ids to `add` and to `remove`


def new_lists(actor: Actor, resource: Resource, data: Mapping[str, Any]) -> Lists:
    """Return the lists of a new record.

    Raises Invalid if the actor may not refer to one of the targets, or if a required list is empty.
    """
    lists = {name: data.get(name) or [] for name in resource.definition.links}
    checked = {name: _problem(actor, resource, name, ids, ids) for name, ids in lists.items()}
    if problems := {name: [problem] for name, problem in checked.items() if problem}:
        raise Invalid(problems)
    return lists


def changed_lists(actor: Actor, resource: Resource, record_id: str, data: Mapping[str, Any]) -> Lists:
    """Return the whole lists of a record that `data` makes different. The record must be locked.

    Raises Invalid as future_lists does.
    """
    lists = future_lists(actor, resource, record_id, data)
    return {name: ids for name, (ids, is_changed) in lists.items() if is_changed}


def future_lists(
    actor: Actor, resource: Resource, record_id: str, data: Mapping[str, Any]
) -> dict[str, tuple[list[str], bool]]:
    """Return the lists of a record in `data`: whole, as a write would leave them, and whether they change.

    Links that the actor does not see stay where they are, as far as possible. Raises Invalid if the actor may not refer
    to an added target, or if a list would be too long or, though required, empty.
    """
    lists, problems = {}, {}
    visible, hidden = visible_links(actor, resource), policies.hidden_fields(resource.definition, actor)
    for name in [name for name in resource.definition.links if name in data]:
        current = _read_links(resource, name, record_id, visible)
        seen = [target for target, is_shown in current if is_shown]
        wanted = _wanted(data[name], seen)
        if problem := _problem(actor, resource, name, wanted, [each for each in wanted if each not in seen]):
            problems[name] = [problem]
        whole = _with_hidden(wanted, current)
        # A version that stays would show what is in a field that the actor may set but not see.
        lists[name] = whole, name in hidden or whole != [target for target, _ in current]
    if problems:
        raise Invalid(problems)
    return lists


def _problem(actor: Actor, resource: Resource, name: str, wanted: list[str], added: list[str]) -> Problem | None:
    """Return what is wrong with a list that the actor would see, to which some ids were added; or None."""
    field, target = resource.definition.links[name], resource.target(name)
    allowed = policies.scope(target, target.definition.reference_action, actor)
    if ids_within(target, allowed, added) != set(added):
        return no_such_record(field.to)
    if len(wanted) > field.max:
        return Problem("too_many", f"At most {field.max}.", limit=field.max)
    return Problem("required", "At least one is required.") if field.required and not wanted else None


def _read_links(resource: Resource, name: str, record_id: str, visible: VisibleLinks) -> list[tuple[str, bool]]:
    """Return the targets of a record in their order, each with whether the actor sees the link."""
    shown = tuple(each for each in visible.shown if each.field == name)
    rows = resource.run(_select_links, name, shown, values={**visible.values, "id": record_id})
    return [(str(target), bool(is_shown)) for target, is_shown in rows]


def _wanted(change: Change, current: list[str]) -> list[str]:
    """Return the list that the actor will see."""
    if not isinstance(change, dict):
        return change
    kept = [each for each in current if each not in change["remove"]]
    return kept + [each for each in change["add"] if each not in current]


def _with_hidden(wanted: list[str], current: list[tuple[str, bool]]) -> list[str]:
    """Return the wanted list with the ids that the actor does not see in their old places, or at the end."""
    merged = list(wanted)
    for place, (target, is_shown) in enumerate(current):
        if not is_shown:
            merged.insert(place, target)
    return merged


def has_link(actor: Actor, resource: Resource, record_id: str, name: str, target_id: str) -> bool:
    """Return whether a list of a record has an id, as far as the actor sees it."""
    if name in policies.hidden_fields(resource.definition, actor):
        return False
    return (target_id, True) in _read_links(resource, name, record_id, visible_links(actor, resource))


def replace_lists(resource: Resource, lists: Mapping[str, Lists]) -> None:
    """Write lists in place of those that records had: {id of the record: {field: ids}}.

    Links that stay are not written again: on Postgres that would lock their targets.
    """
    for record_id, of_record in lists.items():
        for name, ids in of_record.items():
            resource.run(_delete_other_links, name, values={"ids": json.dumps([record_id]), "kept": json.dumps(ids)})
    insert_lists(resource, lists)


def insert_lists(resource: Resource, lists: Mapping[str, Lists]) -> None:
    """Write the links in lists, {id of the record: {field: ids}}; others of these records stay."""
    for name in resource.definition.links:
        rows = [
            (record_id, target, place)
            for record_id, of_record in lists.items()
            for place, target in enumerate(of_record.get(name, ()))
        ]
        if rows:
            database.execute_many(insert_links_sql(resource.links(name).name, database.param), rows)


def find_linking(resource: Resource, name: str, target_ids: list[str]) -> list[str]:
    """Lock the records that have a link to one of these targets, and return their ids."""
    rows = resource.run(_select_linking, name, values={"ids": json.dumps(target_ids)})
    return [str(record_id) for (record_id,) in rows]


def remove_links(resource: Resource, name: str, record_ids: list[str], target_ids: list[str]) -> None:
    """Remove the links of these records to these targets."""
    values = {"ids": json.dumps(record_ids), "targets": json.dumps(target_ids)}
    resource.run(_delete_links_to, name, values=values)


def _select_linking(resource: Resource, name: str) -> Select:
    table, key = resource.links(name).table, resource.column("id")
    linking = table.select(table.c.record).where(table.c.target.in_(database.ids(slot("ids"))))
    # In the order of ids: two deletions that lock the same records must not wait for each other.
    return database.lock_for_update(resource.model.select(key).where(key.in_(linking)).order_by(key))


def _delete_links_to(resource: Resource, name: str) -> Delete:
    query = _delete_links(resource, name)
    return query.where(resource.links(name).table.c.target.in_(database.ids(slot("targets"))))


def _delete_other_links(resource: Resource, name: str) -> Delete:
    query = _delete_links(resource, name)
    return query.where(resource.links(name).table.c.target.not_in(database.ids(slot("kept"))))


def _select_links(resource: Resource, name: str, shown: Shown) -> Select:
    """Return the query of the targets of a record, each with whether it is shown."""
    links = resource.shown_links(shown[0]) if shown else resource.links(name)
    is_shown = links.is_shown(links.table.c.target) if links.is_shown else SQL("1 = 1")
    query = resource.model.select(links.table.c.target, is_shown).from_(links.table)
    return query.where(links.table.c.record == slot("id")).order_by(links.table.c.place)


def _delete_links(resource: Resource, name: str) -> Delete:
    table = resource.links(name).table.bind(database.obj)
    return table.delete().where(table.c.record.in_(database.ids(slot("ids")))).returning(SQL("record"))
