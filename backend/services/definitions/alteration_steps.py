"""Finds the steps of an Alteration: the differences between two definitions, and the existing rows they affect."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from peewee import fn

from backend.models.database import database
from backend.models.records import build_model, column
from backend.services.definitions.changes import Alteration
from backend.services.definitions.computed_steps import check_steps, computed_field_steps
from backend.services.definitions.definition import Definition
from backend.services.definitions.field_sets import FieldSet
from backend.services.definitions.steps import (
    NO_ROWS,
    Action,
    Step,
    find_rows,
    make_step,
    record_count_text,
    shown_value,
)
from backend.services.definitions.value_steps import value_steps
from backend.services.field_types.base import FieldType


def alteration_steps(
    change: Alteration, new_names: Mapping[str, str], definitions: Mapping[str, Definition]
) -> list[Step]:
    """Return the Steps; `new_names` maps old resource names to new ones, `definitions` are those in force."""
    model = build_model(change.old, database.obj)
    steps = [
        *_resource_name_steps(change),
        *_dropped_field_steps(change, model),
        *_renamed_field_steps(change),
        *_added_field_steps(change, model),
        *computed_field_steps(change, model),
        *(step for name in change.old_names for step in _field_steps(change, model, name, new_names)),
        *(step for name in change.recomputed for step in _recomputed_steps(change, name)),
        *_index_steps(change),
        *_index_limit_steps(change, model),
        *value_steps(change, model, new_names, definitions),
        *check_steps(change, model),
        *_option_steps(change),
    ]
    return steps or _order_steps(change)


def _resource_name_steps(change: Alteration) -> Iterator[Step]:
    old_name, new_name = change.old.name, change.new.name
    if new_name != old_name:
        yield make_step("rename_resource", new_name, f"Rename the resource {old_name} to {new_name}.")


def _dropped_field_steps(change: Alteration, model: Any) -> Iterator[Step]:
    recomputed = {change.continued[name] for name in change.recomputed}
    for name, field in change.dropped.items():
        if name in recomputed:
            continue
        losing = find_rows(model, ~field.is_empty(column(model, name))) if field.computed is None else NO_ROWS
        values = f" with its {field.values_name} in {record_count_text(losing.total)}" if losing.total else ""
        yield make_step("drop_field", change.name, f"Drop the field {name}{values}.", name, losing=losing)


def _renamed_field_steps(change: Alteration) -> Iterator[Step]:
    for old_name, name in change.renamed:
        yield make_step("rename_field", change.name, f"Rename the field {old_name} to {name}.", name)


def _added_field_steps(change: Alteration, model: Any) -> Iterator[Step]:
    for name, field in change.added.items():
        if field.computed is not None:
            continue
        needs_values = field.required and field.fixed_default is None
        rows = find_rows(model) if needs_values else NO_ROWS
        preventing = rows if field.is_settable else NO_ROWS
        text = f"Add the field {name}"
        if rows.total and field.first_number is not None:
            text += f", and number {record_count_text(rows.total)} from {field.first_number} on, in the order of id"
        elif preventing.total:
            text += f": it is required, and {record_count_text(preventing.total)} would have no value"
        elif field.fixed_default is not None:
            text += f", with {shown_value(field.default)} in existing records"
        elif field.varying_default:
            text += f", without a value in existing records; new ones get {field.default}"
        yield make_step("add_field", change.name, f"{text}.", name, preventing=preventing)


def _field_steps(change: Alteration, model: Any, name: str, new_names: Mapping[str, str]) -> Iterator[Step]:
    """Yield the differences in the options of a field that keeps its values."""
    old, new = change.field_pairs[name]
    if old.computed is not None and new.computed is None:
        text = f"Stop computing {name}; existing records keep their values."
        yield make_step("change_computed", change.name, text, name)
    keeps_form = old.name == new.name and name not in change.converters
    if keeps_form and old.constraints != new.constraints and not new.narrows(old):
        yield make_step("change_constraints", change.name, f"Allow more values of {name}.", name)
    if None not in (old.first_number, new.first_number) and old.first_number != new.first_number:
        text = f"Give new records numbers of {name} from {new.first_number} on, or from the next one if it is greater."
        yield make_step("change_start", change.name, text, name)
    if old.delivery != new.delivery:
        yield make_step("change_delivery", change.name, f"Change how the files of {name} are delivered.", name)
    if old.required != new.required:
        yield _requirement_step(change, model, name)
    if old.ignores_case != new.ignores_case:
        verb = "Ignore" if new.ignores_case else "Distinguish"
        yield make_step("change_case", change.name, f"{verb} upper and lower case in {name}.", name)
    if old.default != new.default:
        yield make_step("change_default", change.name, f"Change the default of {name} for new records.", name)
    if name in change.new.referring and change.old_names[name] in change.old.referring:
        yield from _reference_steps(change, name, new_names)
    yield from _description_steps(change, name, old, new)


def _description_steps(change: Alteration, name: str, old: FieldType, new: FieldType) -> Iterator[Step]:
    """Yield the differences that do not concern the values of a field."""
    if (old.readable_by, old.writable_by) != (new.readable_by, new.writable_by):
        yield make_step("change_rules", change.name, f"Change who may read or write {name}.", name)
    if old.description != new.description:
        yield make_step("describe", change.name, f"Change the description of {name}.", name)


def _recomputed_steps(change: Alteration, name: str) -> Iterator[Step]:
    yield from _description_steps(change, name, change.old.fields[change.continued[name]], change.new.fields[name])


def _requirement_step(change: Alteration, model: Any, name: str) -> Step:
    field = change.new.fields[name]
    if not field.required:
        return make_step("allow_null", change.name, f"Allow {name} to have no value.", name)
    if field.fixed_default is not None:
        text = f"Require {name}, with {shown_value(field.default)} where there is no value."
        return make_step("require", change.name, text, name)
    old_name = change.old_names[name]
    preventing = find_rows(model, change.old.fields[old_name].is_empty(column(model, old_name)))
    missing = f", without a value in {record_count_text(preventing.total)}" if preventing.total else ""
    return make_step("require", change.name, f"Require {name}{missing}.", name, preventing=preventing)


def _reference_steps(change: Alteration, name: str, new_names: Mapping[str, str]) -> Iterator[Step]:
    old_name = change.old_names[name]
    old, new = change.old.referring[old_name], change.new.referring[name]
    if name in change.new.references and old_name in change.old.references:
        on_delete = change.new.references[name].on_delete
        if change.old.references[old_name].on_delete != on_delete:
            yield make_step("change_on_delete", change.name, f"Set on_delete of {name} to {on_delete}.", name)
    if old.to != new.to and new_names.get(old.to) == new.to:
        text = f"Let {name} refer to {new.to}, the new name of {old.to}."
        yield make_step("follow_rename", change.name, text, name)


def _index_steps(change: Alteration) -> Iterator[Step]:
    """Yield indexes that are added or dropped, and unique sets that are dropped.

    Unique sets that are added depend on the values in existing rows: see value_steps.
    """
    old, new = change.old, change.new
    yield from _dropped_set_steps(
        change, "drop_unique", "Allow repeated values of", old.unique_sets(), new.unique_sets()
    )
    yield from _dropped_set_steps(change, "drop_index", "Drop the index of", old.index_sets(), new.index_sets())
    for each in new.index_sets():
        if change.old_set_of(each) not in old.index_sets() and not change.comes_with_added_field(each):
            yield make_step("add_index", change.name, f"Index {each.text}.", each.subject)


def _dropped_set_steps(
    change: Alteration, action: Action, verb: str, old_sets: list[FieldSet], new_sets: list[FieldSet]
) -> Iterator[Step]:
    kept = {change.old_set_of(each) for each in new_sets}
    for each in old_sets:
        if each not in kept and not set(each.fields) <= set(change.dropped):
            yield make_step(action, change.name, f"{verb} {each.text}.", each.subject)


def _index_limit_steps(change: Alteration, model: Any) -> Iterator[Step]:
    """Yield a step for each field with existing texts that are too long for an added index."""
    old_limits = change.old.index_byte_limits
    for name, max_bytes in change.new.index_byte_limits.items():
        old_name = None if name in change.converters else change.old_names.get(name)
        if old_name is None or not change.old.fields[old_name].may_outgrow_index:
            continue
        if name not in change.recased and old_name in old_limits and old_limits[old_name] <= max_bytes:
            continue  # every existing text is short enough
        indexed = change.new.fields[name].compared(column(model, old_name), database.obj)
        preventing = find_rows(model, fn.OCTET_LENGTH(indexed) > max_bytes)
        if preventing.total:
            text = f"Index {name}, which has more than {max_bytes:,} bytes in {record_count_text(preventing.total)}."
            yield make_step("add_index", change.name, text, name, preventing=preventing)


def _option_steps(change: Alteration) -> Iterator[Step]:
    """Yield the differences in the parts of the definition that are not fields or indexes."""
    old, new = change.old, change.new
    if [change.old_names.get(name) for name in new.search] != old.search:
        yield make_step("change_search", new.name, "Change the fields of the full-text search.")
    if old.filters != new.filters:
        yield make_step("change_filters", new.name, "Change the filters by fields of related records.")
    if old.access != new.access:
        yield make_step("change_access", new.name, "Change the grants.")
    if old.description != new.description:
        yield make_step("describe", new.name, "Change the description of the resource.")
    if old.label != (new.label and change.continued.get(new.label)):
        text = f"Show {new.label} for a record." if new.label else "Declare no label."
        yield make_step("change_label", new.name, text)
    if old.on_owner_delete != new.on_owner_delete:
        yield make_step("change_on_owner_delete", new.name, f"Set on_owner_delete to {new.on_owner_delete}.")
    if old.require_if_match != new.require_if_match:
        text = "Require If-Match for changes." if new.require_if_match else "Stop requiring If-Match."
        yield make_step("change_require_if_match", new.name, text)
    if old.history != new.history:
        text = "Keep the history of records." if new.history else "Stop keeping the history of records."
        yield make_step("change_history", new.name, text)
    if old.feed != new.feed:
        text = "Start the feed of changes." if new.feed else "Stop the feed of changes."
        yield make_step("change_feed", new.name, text)
    if old.cache_seconds != new.cache_seconds:
        seconds = new.cache_seconds
        text = f"Let caches keep public responses for {seconds} s." if seconds else "Let caches keep no responses."
        yield make_step("change_cache_seconds", new.name, text)


def _order_steps(change: Alteration) -> list[Step]:
    """Return the step of a definition that differs only in the order of its parts; none if it does not differ."""
    if json.dumps(change.old.to_dict()) == json.dumps(change.new.to_dict()):
        return []
    return [make_step("reorder", change.name, "Reorder the definition.")]
