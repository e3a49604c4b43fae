"""Finds the steps of an Alteration: what differs between two definitions, and which existing rows it affects."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from peewee import fn

from backend.models.database import database
from backend.models.records import build_model, column
from backend.services.definitions.changes import Alteration
from backend.services.definitions.definition import Definition
from backend.services.definitions.steps import (
    NO_ROWS,
    Rows,
    Step,
    find_rows,
    in_records,
    listed,
    make_step,
    shown_value,
)
from backend.services.definitions.value_steps import value_steps
from backend.services.field_types.base import FieldType


def alteration_steps(
    change: Alteration, renamed: Mapping[str, str], definitions: Mapping[str, Definition]
) -> list[Step]:
    """Return the Steps; `renamed` has the new names of resources by the old ones, `definitions` are those in force."""
    model = build_model(change.old, database.obj)
    found = [
        *_name_steps(change),
        *_dropped_field_steps(change, model),
        *_added_field_steps(change, model),
        *(step for name in change.origins for step in _field_steps(change, model, name, renamed)),
        *_set_steps(change),
        *_index_limit_steps(change, model),
        *value_steps(change, model, renamed, definitions),
        *_part_steps(change),
    ]
    return found or _order_steps(change)


def _name_steps(change: Alteration) -> Iterator[Step]:
    old, new = change.old.name, change.new.name
    if new != old:
        yield make_step("rename_resource", new, f"Rename the resource {old} to {new}.")


def _dropped_field_steps(change: Alteration, model: Any) -> Iterator[Step]:
    for name in change.dropped:
        lost = find_rows(model, column(model, name).is_null(False))
        values = f" with its values in {in_records(lost.total)}" if lost.total else ""
        yield make_step("drop_field", change.name, f"Drop the field {name}{values}.", name, lost=lost)


def _added_field_steps(change: Alteration, model: Any) -> Iterator[Step]:
    for name, origin in change.renamed:
        yield make_step("rename_field", change.name, f"Rename the field {origin} to {name}.", name)
    for name, field in change.added.items():
        against = find_rows(model) if field.required and field.default is None else NO_ROWS
        text = f"Add the field {name}"
        if against.total:
            text += f": it is required, and {in_records(against.total)} would have no value"
        elif field.default is not None:
            text += f", with {shown_value(field.default)} in existing records"
        yield make_step("add_field", change.name, f"{text}.", name, against=against)


def _field_steps(change: Alteration, model: Any, name: str, renamed: Mapping[str, str]) -> Iterator[Step]:
    """Yield what differs in the options of a field that stays."""
    was, now = change.pairs[name]
    keeps_form = was.name == now.name and name not in change.converted
    if keeps_form and was.constraints != now.constraints and not now.narrows(was):
        yield make_step("change_constraints", change.name, f"Allow more values of {name}.", name)
    if was.required != now.required:
        yield _requirement_step(change, model, name)
    if was.default != now.default:
        yield make_step("change_default", change.name, f"Change the default of {name} for new records.", name)
    if name in change.new.references and change.origins[name] in change.old.references:
        yield from _reference_steps(change, name, renamed)
    if (was.readable_by, was.writable_by) != (now.readable_by, now.writable_by):
        yield make_step("change_rules", change.name, f"Change who may read or write {name}.", name)
    if was.description != now.description:
        yield make_step("describe", change.name, f"Change the description of {name}.", name)


def _requirement_step(change: Alteration, model: Any, name: str) -> Step:
    now: FieldType = change.new.fields[name]
    if not now.required:
        return make_step("allow_null", change.name, f"Allow {name} to have no value.", name)
    if now.default is not None:
        text = f"Require {name}, with {shown_value(now.default)} where there is no value."
        return make_step("require", change.name, text, name)
    without: Rows = find_rows(model, column(model, change.origins[name]).is_null())
    missing = f", without a value in {in_records(without.total)}" if without.total else ""
    return make_step("require", change.name, f"Require {name}{missing}.", name, against=without)


def _reference_steps(change: Alteration, name: str, renamed: Mapping[str, str]) -> Iterator[Step]:
    was, now = change.old.references[change.origins[name]], change.new.references[name]
    if was.on_delete != now.on_delete:
        yield make_step("change_on_delete", change.name, f"Set on_delete of {name} to {now.on_delete}.", name)
    if was.to != now.to and renamed.get(was.to) == now.to:
        text = f"Let {name} refer to {now.to}, the new name of {was.to}."
        yield make_step("follow_rename", change.name, text, name)


def _set_steps(change: Alteration) -> Iterator[Step]:
    """Yield indexes that are added or dropped, and sets of fields that need not be unique any more.

    Those that must be unique from now on depend on the values: see value_steps.
    """
    old, new = change.old, change.new
    for set_type, was, now in (
        ("unique", old.unique_sets(), new.unique_sets()),
        ("index", old.index_sets(), new.index_sets()),
    ):
        kept = {change.before(each) for each in now}
        for each in was:
            if each not in kept and not set(each) <= set(change.dropped):
                text = "Allow repeated values of" if set_type == "unique" else "Drop the index of"
                yield make_step(f"drop_{set_type}", change.name, f"{text} {listed(each)}.", ", ".join(each))
    for each in new.index_sets():
        if change.before(each) not in old.index_sets() and not change.comes_with_field(each):
            yield make_step("add_index", change.name, f"Index {listed(each)}.", ", ".join(each))


def _index_limit_steps(change: Alteration, model: Any) -> Iterator[Step]:
    """Yield existing texts that are too long for an index that is added."""
    before = change.old.indexed_bytes
    for name, most in change.new.indexed_bytes.items():
        origin = None if name in change.converted else change.origins.get(name)
        if origin and change.old.fields[origin].may_outgrow_index and before.get(origin, most + 1) > most:
            against = find_rows(model, fn.OCTET_LENGTH(column(model, origin)) > most)
            if against.total:
                text = f"Index {name}, which has more than {most:,} bytes in {in_records(against.total)}."
                yield make_step("add_index", change.name, text, name, against=against)


def _part_steps(change: Alteration) -> Iterator[Step]:
    """Yield what differs in the parts of the definition that are not about fields."""
    old, new = change.old, change.new
    if [change.origins.get(name) for name in new.search] != old.search:
        yield make_step("change_search", new.name, "Change the fields of the full-text search.")
    if old.access != new.access:
        yield make_step("change_access", new.name, "Change the grants.")
    if old.description != new.description:
        yield make_step("describe", new.name, "Change the description of the resource.")
    if old.on_owner_delete != new.on_owner_delete:
        yield make_step("change_on_owner_delete", new.name, f"Set on_owner_delete to {new.on_owner_delete}.")
    if old.require_if_match != new.require_if_match:
        text = "Require If-Match for changes." if new.require_if_match else "Stop requiring If-Match."
        yield make_step("change_require_if_match", new.name, text)
    if old.history != new.history:
        text = "Keep the history of records." if new.history else "Stop keeping the history of records."
        yield make_step("change_history", new.name, text)


def _order_steps(change: Alteration) -> list[Step]:
    if json.dumps(change.old.to_dict()) == json.dumps(change.new.to_dict()):
        return []
    return [make_step("reorder", change.name, "Reorder the definition.")]
