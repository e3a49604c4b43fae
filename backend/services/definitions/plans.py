"""Plans: the steps from the current definitions to the wanted ones, and their effect on existing rows."""

import dataclasses
import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from backend.models.database import database
from backend.models.records import build_model
from backend.services.definitions.alteration_steps import alteration_steps
from backend.services.definitions.attached_files import and_files_text
from backend.services.definitions.changes import Alteration, Change
from backend.services.definitions.definition import Definition
from backend.services.definitions.renamed_paths import PathRenames
from backend.services.definitions.renames import FormerNames, find_renames
from backend.services.definitions.steps import Step, find_rows, make_step, record_count_text
from backend.services.errors import Invalid
from backend.services.field_types.base import FieldType
from backend.services.field_types.marshmallow_fields import MAX_FORMER_NAMES
from backend.utils.problems import Problem

Definitions = Mapping[str, Definition]  # map of resource name to definition


@dataclasses.dataclass(frozen=True)
class Plan:
    """Changes to definitions, and the steps that describe them.

    For example, dropping the field price of books, which two records have:

        Plan(changes=[Alteration(books, books_without_price)], steps=[Step(action="drop_field", resource="books",
            subject="price", text="Drop the field price with its values in 2 records.", loses_data=True, records=2, …)])

    `new_names` maps the old names of renamed resources to the new ones. `advice` is what else should be changed.
    """

    changes: list[Change]
    steps: list[Step]
    new_names: dict[str, str] = dataclasses.field(default_factory=dict)
    advice: list[str] = dataclasses.field(default_factory=list)

    @property
    def created(self) -> list[Definition]:
        """The definitions of new resources."""
        return [change.new for change in self.changes if change.new and not change.old]

    @property
    def altered(self) -> list[Alteration]:
        """The changes to resources that exist before and after the plan."""
        return _alterations(self.changes)

    @property
    def dropped(self) -> list[Definition]:
        """The definitions of the resources that are dropped."""
        return [change.old for change in self.changes if change.old and not change.new]

    @property
    def loses_data(self) -> bool:
        """Whether a step deletes values. Such a plan must be confirmed."""
        return any(step.loses_data for step in self.steps)

    @property
    def is_possible(self) -> bool:
        """False if existing rows prevent a step."""
        return not any(step.impossible for step in self.steps)

    @property
    def fingerprint(self) -> str:
        """A hash that identifies this plan: a different one if more or fewer records would lose a value.

        Which records these are is left out: a plan shows only the first ids.
        """
        hashed: list[Any] = [[_hashable(change.old), _hashable(change.new)] for change in self.changes]
        hashed.append(
            [(step.action, step.resource, step.subject, step.records) for step in self.steps if step.loses_data]
        )
        return hashlib.sha256(json.dumps(hashed, sort_keys=True).encode()).hexdigest()[:16]

    def text_of_losses(self) -> str:
        """Return the texts of the steps that lose data."""
        return _text_of(step for step in self.steps if step.loses_data)

    def text_of_obstacles(self) -> str:
        """Return the texts of the steps that existing rows prevent."""
        return _text_of(step for step in self.steps if step.impossible)

    def outcome(self, definitions: Definitions) -> dict[str, Definition]:
        """Return what the definitions will be after the plan; `definitions` are the current ones."""
        replaced = {change.old.name for change in self.changes if change.old}
        unchanged = {name: definition for name, definition in definitions.items() if name not in replaced}
        return unchanged | {change.new.name: change.new for change in self.changes if change.new}

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as the API and the command line show it."""
        return {
            "steps": [dataclasses.asdict(step) for step in self.steps],
            "loses_data": self.loses_data,
            "possible": self.is_possible,
            "fingerprint": self.fingerprint,
            "advice": self.advice,
        }


def _hashable(definition: Definition | None) -> list[Any] | None:
    return None if definition is None else [definition.name, definition.to_dict()]


def _text_of(steps: Iterable[Step]) -> str:
    return " ".join(f"{step.resource}: {step.text}" for step in steps)


def make_plan(definitions: Definitions, wanted: Definitions, dropped: Collection[str] = ()) -> Plan:
    """Return the Plan from the current `definitions` to the `wanted` ones.

    `dropped` are the names of resources to drop. Resources in neither `wanted` nor `dropped` stay, but their references
    and row rules follow the renames of other resources and fields. A resource with `renamed_from: x` replaces x.

    Raises Invalid, keyed by resource, if a rename is not possible. See renames.py for how renames are decided.
    """
    old_names = _find_resource_renames(definitions, wanted, dropped)
    new_names = {old: new for new, old in old_names.items()}
    # If a resource in `dropped` is also renamed by a wanted definition, the rename wins.
    changes = [Change(definitions[name], None) for name in dropped if name in definitions and name not in new_names]
    not_mentioned = [
        definition for name, definition in definitions.items() if name not in {*wanted, *dropped, *new_names}
    ]
    wanted_changes = _wanted_changes(definitions, wanted, old_names)
    changes += _updates(not_mentioned, new_names, PathRenames(definitions, _alterations(wanted_changes)))
    changes += wanted_changes
    steps = [step for change in changes for step in _find_steps(change, new_names, definitions)]
    # A definition that is written differently but means the same has no step, and is not a change.
    changed = {step.resource for step in steps}
    return Plan([change for change in changes if change.name in changed], steps, new_names)


def _find_steps(change: Change, new_names: Mapping[str, str], definitions: Definitions) -> list[Step]:
    if isinstance(change, Alteration):
        return alteration_steps(change, new_names, definitions)
    if change.old is None:
        return [make_step("create_resource", change.name, f"Create the resource {change.name}.")]
    rows = find_rows(build_model(change.old, database.obj))
    records = f" with {record_count_text(rows.total)}{and_files_text(change.old)}" if rows.total else ""
    return [make_step("drop_resource", change.name, f"Drop the resource {change.name}{records}.", losing=rows)]


def _find_resource_renames(definitions: Definitions, wanted: Definitions, dropped: Collection[str]) -> dict[str, str]:
    """Return the map of new to old name of the renamed resources. Raises Invalid as make_plan does."""
    current_former_names = {name: definition.former_names for name, definition in definitions.items()}
    wanted_former_names = {
        name: _usable_former_names(definition, current_former_names) for name, definition in wanted.items()
    }
    replaced_names = {former for names in wanted_former_names.values() for former in names}
    # A current resource keeps its name if it is wanted, or if it is neither dropped nor replaced.
    remaining = [name for name in definitions if name in wanted or name not in {*dropped, *replaced_names}]
    former_names_after = {name: wanted_former_names.get(name, []) for name in (*remaining, *wanted)}
    old_names, problems = find_renames("resource", current_former_names, former_names_after)
    for name in old_names:
        # A rename must not overwrite an existing resource, unless that one is renamed too.
        if name in definitions and name not in old_names.values():
            text = f"There is already a resource {name}. Drop or rename it first."
            problems[name] = Problem("not_unique", text)
    if problems:
        raise Invalid({name: {"renamed_from": [problem]} for name, problem in problems.items()})
    return old_names


def _usable_former_names(definition: Definition, current: FormerNames) -> list[str]:
    """Return the former names of a wanted resource.

    The list is empty if neither the resource nor any of its former names exists in this database. The same file may be
    applied to databases of any age, so its former names need not exist.
    """
    is_new = definition.name not in current and not set(definition.former_names) & set(current)
    return [] if is_new else definition.former_names


def _alterations(changes: Iterable[Change]) -> list[Alteration]:
    return [change for change in changes if isinstance(change, Alteration)]


def _updates(definitions: list[Definition], new_names: Mapping[str, str], paths: PathRenames) -> list[Change]:
    """Return the changes of resources that refer to a renamed resource, or whose rules lead through renamed names."""
    changes: list[Change] = []
    for definition in definitions:
        updated: dict[str, FieldType] = {
            name: dataclasses.replace(reference, to=new_names[reference.to])
            for name, reference in definition.referring.items()
            if reference.to in new_names
        }
        followed = paths.followed(definition)
        if updated or followed is not definition:
            changes.append(Alteration(definition, dataclasses.replace(followed, fields=definition.fields | updated)))
    return changes


def _wanted_changes(definitions: Definitions, wanted: Definitions, old_names: Mapping[str, str]) -> list[Change]:
    """Return the changes that create or alter the wanted resources.

    Raises Invalid, keyed by resource, if a field cannot be renamed.
    """
    changes: list[Change] = []
    problems = {}
    for name, definition in wanted.items():
        old = _old_definition(name, definitions, old_names)
        if old is None:
            changes.append(Change(None, definition))
            continue
        declared = Alteration(old, definition)
        if declared.rename_problems:
            fields = {field: {"renamed_from": [problem]} for field, problem in declared.rename_problems.items()}
            problems[name] = {"fields": fields}
        # Add the stored former names only now; in the check above they would count as declared.
        changes.append(Alteration(old, _with_former_names(declared)))
    if problems:
        raise Invalid(problems)
    return changes


def _old_definition(name: str, definitions: Definitions, old_names: Mapping[str, str]) -> Definition | None:
    """Return the current definition of a wanted resource; None if the resource is new."""
    if name in old_names:
        return definitions[old_names[name]]
    if name in old_names.values():
        return None  # the current resource of this name gets another name, so this one is new
    return definitions.get(name)


def _with_former_names(change: Alteration) -> Definition:
    """Return the new definition with all former names, declared and stored.

    This way an exported file can be applied to a database that missed several renames.
    """
    old, new = change.old, change.new
    fields = {
        name: dataclasses.replace(
            new_field, renamed_from=_former_names(change.old_names[name], old_field, name, new_field)
        )
        for name, (old_field, new_field) in change.field_pairs.items()
    }
    renamed_from = _former_names(old.name, old, new.name, new)
    return dataclasses.replace(new, fields=new.fields | fields, renamed_from=renamed_from)


def _former_names(
    old_name: str, old: FieldType | Definition, new_name: str, new: FieldType | Definition
) -> list[str] | None:
    """Return the former names, the latest first; None if there are none."""
    names = [*([] if old_name == new_name else [old_name]), *new.former_names, *old.former_names]
    return [name for name in dict.fromkeys(names) if name != new_name][:MAX_FORMER_NAMES] or None
