"""Plans: the steps from the definitions in force to others, and what they mean for the existing rows."""

import dataclasses
import hashlib
import json
from collections.abc import Collection, Mapping
from typing import Any

from backend.models.database import database
from backend.models.records import build_model
from backend.services.definitions.alteration_steps import alteration_steps
from backend.services.definitions.changes import Alteration, Change
from backend.services.definitions.definition import Definition
from backend.services.definitions.renames import find_renames
from backend.services.definitions.steps import Step, find_rows, in_records, make_step
from backend.services.errors import Invalid
from backend.services.field_types.base import FieldType
from backend.services.field_types.wire import MAX_FORMER_NAMES

Definitions = Mapping[str, Definition]  # by name


@dataclasses.dataclass(frozen=True)
class Plan:
    """Changes, the steps they take, and the resources that they rename.

    For example, dropping the field price of books, which two records have:

        Plan(changes=[Alteration(books, cheaper_books)], steps=[Step(action="drop_field", resource="books",
            subject="price", text="Drop the field price with its values in 2 records.", loses_data=True, records=2, …)])

    `renamed` has the new name of each renamed resource by the old one.
    """

    changes: list[Change]
    steps: list[Step]
    renamed: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def created(self) -> list[Definition]:
        """The definitions of new resources."""
        return [change.new for change in self.changes if change.new and not change.old]

    @property
    def altered(self) -> list[Alteration]:
        """The changes of resources that stay."""
        return [change for change in self.changes if isinstance(change, Alteration)]

    @property
    def dropped(self) -> list[Definition]:
        """The definitions of the resources that are dropped."""
        return [change.old for change in self.changes if change.old and not change.new]

    @property
    def loses_data(self) -> bool:
        """Whether it must be confirmed."""
        return any(step.loses_data for step in self.steps)

    @property
    def is_possible(self) -> bool:
        """Whether no existing rows prevent it."""
        return not any(step.impossible for step in self.steps)

    @property
    def fingerprint(self) -> str:
        """A hash that confirms this plan, and no other.

        It leaves out the numbers of rows, or a plan could never be confirmed while records are written.
        """
        pairs = [(change.old, change.new) for change in self.changes]
        hashed: list[Any] = [[each and [each.name, each.to_dict()] for each in pair] for pair in pairs]
        hashed.append([(step.action, step.resource, step.subject) for step in self.steps if step.loses_data])
        return hashlib.sha256(json.dumps(hashed, sort_keys=True).encode()).hexdigest()[:16]

    def in_words(self, mark: str) -> str:
        """Return the texts of the steps marked `loses_data` or `impossible`."""
        return " ".join(f"{step.resource}: {step.text}" for step in self.steps if getattr(step, mark))

    def outcome(self, definitions: Definitions) -> dict[str, Definition]:
        """Return the definitions in force after the plan, by name, given those before it."""
        replaced = {change.old.name for change in self.changes if change.old}
        kept = {name: each for name, each in definitions.items() if name not in replaced}
        return kept | {change.new.name: change.new for change in self.changes if change.new}

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as the API and the command line show it."""
        return {
            "steps": [dataclasses.asdict(step) for step in self.steps],
            "loses_data": self.loses_data,
            "possible": self.is_possible,
            "fingerprint": self.fingerprint,
        }


def make_plan(definitions: Definitions, wanted: Definitions, dropped: Collection[str] = ()) -> Plan:
    """Return the Plan from `definitions` to those `wanted`, both by name; other resources stay, but those `dropped`.

    A wanted resource takes the place of one that it names as its former name. References in other resources follow a
    rename. Raises Invalid keyed by resource for a former name that cannot be renamed.
    """
    origins = _renamed_resources(definitions, wanted, dropped)
    renamed = {old: new for new, old in origins.items()}
    there = [name for name in definitions if name not in renamed and name not in wanted]
    changes = [Change(definitions[name], None) for name in dropped if name in definitions and name not in renamed]
    changes += _followers([definitions[name] for name in there if name not in dropped], renamed)
    changes += _declared_changes(definitions, wanted, origins)
    steps = [step for change in changes for step in _find_steps(change, renamed, definitions)]
    # A definition that is only written in another way is not a change.
    changed = {step.resource for step in steps}
    return Plan([change for change in changes if change.name in changed], steps, renamed)


def _find_steps(change: Change, renamed: Mapping[str, str], definitions: Definitions) -> list[Step]:
    if isinstance(change, Alteration):
        return alteration_steps(change, renamed, definitions)
    if change.old is None:
        return [make_step("create_resource", change.name, f"Create the resource {change.name}.")]
    rows = find_rows(build_model(change.old, database.obj))
    records = f" with {in_records(rows.total)}" if rows.total else ""
    return [make_step("drop_resource", change.name, f"Drop the resource {change.name}{records}.", lost=rows)]


def _renamed_resources(definitions: Definitions, wanted: Definitions, dropped: Collection[str]) -> dict[str, str]:
    """Return {new name: old name} of the resources that are renamed; raise Invalid keyed by resource."""
    old = {name: definition.former_names for name, definition in definitions.items()}
    new: dict[str, list[str]] = {name: [] for name in definitions if name not in dropped}
    for name, definition in wanted.items():
        # A resource that is new here has no former name: the same file is for databases that have had it, too.
        is_new = name not in old and not set(definition.former_names) & set(old)
        new[name] = [] if is_new else definition.former_names
    taken = {each for name in wanted for each in new[name]}
    origins, problems = find_renames(
        "resource", old, {name: former for name, former in new.items() if name in wanted or name not in taken}
    )
    for name in origins:
        if name in old and name not in origins.values():
            problems[name] = f"There is already a resource {name}. Drop or rename it first."
    if problems:
        raise Invalid({name: {"renamed_from": [problem]} for name, problem in problems.items()})
    return origins


def _followers(others: list[Definition], renamed: Mapping[str, str]) -> list[Change]:
    """Return the changes of resources whose references follow a rename of their targets."""
    changes: list[Change] = []
    for definition in others:
        following: dict[str, FieldType] = {
            name: dataclasses.replace(field, to=renamed[field.to])
            for name, field in definition.references.items()
            if field.to in renamed
        }
        if following:
            changes.append(
                Alteration(definition, dataclasses.replace(definition, fields=definition.fields | following))
            )
    return changes


def _declared_changes(definitions: Definitions, wanted: Definitions, origins: Mapping[str, str]) -> list[Change]:
    """Return the changes to the wanted definitions; raise Invalid for former names of fields that are wrong."""
    changes: list[Change] = []
    problems = {}
    for name, definition in wanted.items():
        is_taken_over = name in origins.values()
        old = definitions.get(origins.get(name, "" if is_taken_over else name))
        if old is None:
            changes.append(Change(None, definition))
            continue
        change = Alteration(old, definition)
        if change.problems:
            problems[name] = {"fields": {field: {"renamed_from": [each]} for field, each in change.problems.items()}}
        # Only then are the former names added that are already known.
        changes.append(Alteration(change.old, _with_former_names(change)))
    if problems:
        raise Invalid(problems)
    return changes


def _with_former_names(change: Alteration) -> Definition:
    """Return the new definition with all known former names: a database some versions behind follows them all."""
    old, new = change.old, change.new
    fields = {
        name: dataclasses.replace(now, renamed_from=_former_names(name, change.origins[name], now, was))
        for name, (was, now) in change.pairs.items()
    }
    return dataclasses.replace(
        new, fields=new.fields | fields, renamed_from=_former_names(new.name, old.name, new, old)
    )


def _former_names(name: str, origin: str, now: FieldType | Definition, was: FieldType | Definition) -> list[str] | None:
    """Return the former names, the latest first; None if there are none."""
    names = [*([] if origin == name else [origin]), *now.former_names, *was.former_names]
    return [each for each in dict.fromkeys(names) if each != name][:MAX_FORMER_NAMES] or None
