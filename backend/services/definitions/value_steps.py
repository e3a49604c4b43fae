"""Finds the steps of an Alteration that depend on existing values.

Can they be kept, do they fit, are they different where they must be unique, do the records exist that they refer to?
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from backend.models.database import database
from backend.models.records import build_model
from backend.services.definitions.changes import Alteration
from backend.services.definitions.definition import Definition
from backend.services.definitions.steps import Step, in_records, listed, make_step, rows_of
from backend.services.definitions.surveys import Survey


def value_steps(
    change: Alteration, model: Any, renamed: Mapping[str, str], definitions: Mapping[str, Definition]
) -> Iterator[Step]:
    """Yield the Steps; `model` is that of the table, whose rows are read only if one of these questions arises."""
    checked = _checked_fields(change)
    sets, new_sets = _doubtful_sets(change)
    pointing = [name for name in change.new.references if _changes_target(change, name, renamed)]
    survey = Survey(change, checked, sets, {name: _target(change, name, renamed, definitions) for name in pointing})
    if checked or sets or pointing:
        survey.run(model)
    for name, unfit in survey.unfit.items():
        yield _type_step(change, name, unfit) if name in change.converted else _constraint_step(change, name, unfit)
    for name, dangling in survey.dangling.items():
        yield _target_step(change, name, dangling)
    for names, repeated in survey.repeated.items():
        if repeated or names in new_sets:
            yield _unique_step(change, names, repeated)


def _checked_fields(change: Alteration) -> dict[str, Callable[[Any], Any]]:
    """Return the functions that convert the values of fields, or check those of fields that take fewer values."""
    return {
        name: change.converted.get(name) or now.converter(was)
        for name, (was, now) in change.pairs.items()
        if name in change.converted or (was.name == now.name and now.narrows(was))
    }


def _doubtful_sets(change: Alteration) -> tuple[list[tuple[str, ...]], set[tuple[str, ...]]]:
    """Return the sets of fields whose values may not be unique, and those of them that need a step in any case."""
    moving = {*change.converted, *change.defaults}
    before = change.old.unique_sets()
    new = {each for each in change.new.unique_sets() if change.before(each) not in before}
    doubtful = [each for each in change.new.unique_sets() if each in new or moving & set(each)]
    return doubtful, {each for each in new if not change.comes_with_field(each)}


def _changes_target(change: Alteration, name: str, renamed: Mapping[str, str]) -> bool:
    """Tell whether a field with values refers to another resource than before."""
    if name not in change.origins:
        return False
    was, now = change.old.references.get(change.origins[name]), change.new.references[name]
    return was is None or renamed.get(was.to, was.to) != now.to


def _target(
    change: Alteration, name: str, renamed: Mapping[str, str], definitions: Mapping[str, Definition]
) -> Any | None:
    """Return the model of the resource that a field will refer to, under its present name; None for a new one."""
    target = change.new.references[name].to
    former = next((old for old, new in renamed.items() if new == target), target)
    return build_model(definitions[former], database.obj) if former in definitions else None


def _constraint_step(change: Alteration, name: str, unfit: list[str]) -> Step:
    others = f", although {in_records(len(unfit))} would not fit" if unfit else ""
    text = f"Allow fewer values of {name}{others}."
    return make_step("change_constraints", change.name, text, name, against=rows_of(unfit))


def _type_step(change: Alteration, name: str, unfit: list[str]) -> Step:
    was, now = change.pairs[name]
    types = f"from {was.name} to {now.name}" if was.name != now.name else "to another precision"
    text = f"Change {name} {types}"
    if not unfit:
        return make_step("change_type", change.name, f"{text}.", name)
    records = in_records(len(unfit))
    if now.required and now.default is None:
        text += f", though it is required and cannot be converted in {records}."
        return make_step("change_type", change.name, text, name, against=rows_of(unfit))
    text += f", losing the values of {records} that cannot be converted."
    return make_step("change_type", change.name, text, name, lost=rows_of(unfit))


def _target_step(change: Alteration, name: str, dangling: list[str]) -> Step:
    target = change.new.references[name].to
    missing = f", which lacks the records that {in_records(len(dangling))} would refer to" if dangling else ""
    text = f"Let {name} refer to {target}{missing}."
    return make_step("change_target", change.name, text, name, against=rows_of(dangling))


def _unique_step(change: Alteration, names: tuple[str, ...], repeated: list[str]) -> Step:
    values = f", although {in_records(len(repeated))} would repeat values" if repeated else ""
    text = f"Require unique values of {listed(names)}{values}."
    return make_step("add_unique", change.name, text, ", ".join(names), against=rows_of(repeated))
