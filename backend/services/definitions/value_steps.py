"""Finds the steps of an Alteration that depend on the values in existing rows.

- Can values be converted to a new type, and do they meet narrower constraints?
- Are values different that must be unique?
- Do the records exist that references will refer to?
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from backend.models.database import database
from backend.models.records import build_model, column
from backend.models.user import User
from backend.services.definitions.changes import Alteration
from backend.services.definitions.computed_steps import find_repeated
from backend.services.definitions.definition import Definition
from backend.services.definitions.field_sets import FieldSet
from backend.services.definitions.steps import Step, make_step, record_count_text, rows_of
from backend.services.definitions.surveys import Survey
from backend.services.field_types.reference import USERS


def value_steps(
    change: Alteration, model: Any, new_names: Mapping[str, str], definitions: Mapping[str, Definition]
) -> Iterator[Step]:
    """Yield the Steps; read rows only if one of the questions above arises.

    `model` is that of the table before the change, `new_names` maps old resource names to new ones, and `definitions`
    are those in force.
    """
    checks = _value_checks(change)
    unique_sets, new_sets = _doubtful_sets(change)
    retargeted = [name for name in change.new.referring if _changes_target(change, name, new_names)]
    targets = {name: _target(change, name, new_names, definitions) for name in retargeted}
    in_sql = {each for each in unique_sets if each.rule or each.uses(change.new.computed_fields)}
    surveyed = [each for each in unique_sets if each not in in_sql]
    survey = Survey(change, checks, surveyed, targets)
    if checks or surveyed or targets:
        survey.run(model)
    for name, unfit in survey.unfit.items():
        yield _type_step(change, name, unfit) if name in change.converters else _constraint_step(change, name, unfit)
    for name, dangling in survey.dangling.items():
        yield _target_step(change, name, dangling)
    for field_set in unique_sets:
        repeated = find_repeated(change, model, field_set) if field_set in in_sql else survey.repeated[field_set]
        if repeated or field_set in new_sets:
            yield _unique_step(change, field_set, repeated)


def _value_checks(change: Alteration) -> dict[str, Callable[[Any], Any]]:
    """Return the map of field name to the function that converts its values, or checks a narrower constraint."""
    return {
        name: change.converters.get(name) or new_field.converter(old_field)
        for name, (old_field, new_field) in change.field_pairs.items()
        if name in change.converters or (old_field.name == new_field.name and new_field.narrows(old_field))
    }


def _doubtful_sets(change: Alteration) -> tuple[list[FieldSet], set[FieldSet]]:
    """Return the unique sets whose values may repeat, and those of them that need a step even if no value repeats."""
    computed = change.added.keys() & change.new.computed_fields
    changing = {*change.converters, *change.defaults, *change.recased, *computed}
    old_sets = change.old.unique_sets()
    new_sets = {each for each in change.new.unique_sets() if change.old_set_of(each) not in old_sets}
    doubtful = [each for each in change.new.unique_sets() if each in new_sets or each.uses(changing)]
    return doubtful, {each for each in new_sets if not change.comes_with_added_field(each)}


def _changes_target(change: Alteration, name: str, new_names: Mapping[str, str]) -> bool:
    """Return whether a field with values will refer to a different resource, or becomes a reference."""
    if name not in change.old_names:
        return False
    old_field, new_field = change.old.referring.get(change.old_names[name]), change.new.referring[name]
    return old_field is None or new_names.get(old_field.to, old_field.to) != new_field.to


def _target(
    change: Alteration, name: str, new_names: Mapping[str, str], definitions: Mapping[str, Definition]
) -> Any | None:
    """Return the column with the ids of what a field will refer to; None if that is a new resource."""
    target = change.new.referring[name].to
    if target == USERS:
        return User.id
    current_name = next((old for old, new in new_names.items() if new == target), target)
    current = definitions.get(current_name)
    return current and column(build_model(current, database.obj), "id")


def _constraint_step(change: Alteration, name: str, unfit: list[str]) -> Step:
    others = f", although {record_count_text(len(unfit))} would not fit" if unfit else ""
    text = f"Allow fewer values of {name}{others}."
    return make_step("change_constraints", change.name, text, name, preventing=rows_of(unfit))


def _type_step(change: Alteration, name: str, unfit: list[str]) -> Step:
    old_field, new_field = change.field_pairs[name]
    is_new_type = old_field.title != new_field.title
    types = f"from {old_field.title} to {new_field.title}" if is_new_type else "to another precision"
    text = f"Change {name} {types}"
    if not unfit:
        return make_step("change_type", change.name, f"{text}.", name)
    records = record_count_text(len(unfit))
    if new_field.required and new_field.fixed_default is None:
        text += f", though it is required and cannot be converted in {records}."
        return make_step("change_type", change.name, text, name, preventing=rows_of(unfit))
    text += f", losing the values of {records} that cannot be converted."
    return make_step("change_type", change.name, text, name, losing=rows_of(unfit))


def _target_step(change: Alteration, name: str, dangling: list[str]) -> Step:
    target = change.new.referring[name].to
    missing = f", which lacks the records that {record_count_text(len(dangling))} would refer to" if dangling else ""
    text = f"Let {name} refer to {target}{missing}."
    return make_step("change_target", change.name, text, name, preventing=rows_of(dangling))


def _unique_step(change: Alteration, field_set: FieldSet, repeated: list[str]) -> Step:
    repeating = f", although {record_count_text(len(repeated))} would repeat values" if repeated else ""
    text = f"Require unique values of {field_set.text}{repeating}."
    return make_step("add_unique", change.name, text, field_set.subject, preventing=rows_of(repeated))
