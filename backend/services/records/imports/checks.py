"""Checks the rows of a file against the database without a lock, as a request of each row's own would be checked."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from marshmallow import ValidationError

from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.errors import Denied, Invalid, LarderError, PreconditionFailed, PreconditionMissing
from backend.services.records.conflicts import unique_conflict
from backend.services.records.imports.columns import Column, Columns, Values
from backend.services.records.imports.lookups import Found, find_for_change, find_taken, find_visible_many
from backend.services.records.imports.rows import Row
from backend.services.records.records import new_row
from backend.services.records.row_checks import require_within
from backend.services.storage.full_text import words_of
from backend.utils.clock import rfc3339, utcnow
from backend.utils.texts import printable

ID = ("id",)
MAX_HELD = 1_000_000  # values of a file that are kept to find it twice; what comes later only the database finds


class Planned(NamedTuple):
    """A change that a row stands for, checked.

    Of a new record `data` are all its columns and `version` is None; else `data` are the fields that change, and
    `version` is the one that the record had when it was checked, or will have by what precedes it in the file.
    """

    line: int
    record_id: str
    data: dict
    version: int | None = None
    if_match: set | None = None
    words: dict | None = None  # of the searched texts, found here since that takes long


@dataclass
class Draft:
    """A row on its way to a Planned."""

    line: int
    values: Values
    unresolved: list = field(default_factory=list)  # (Column, key of a target that no record has yet)


class Checker:
    """Makes Planned changes of rows, and remembers what they will have changed for the rows that follow."""

    def __init__(self, actor: Actor, resource: Resource, columns: Columns, allowed: policies.Scope, note: Any):
        self.actor, self.resource, self.columns, self.note = actor, resource, columns, note
        self.key, self.fields = columns.key, resource.definition.fields
        self.allowed = allowed  # of what may be created
        self.created = self.updated = 0
        self._targets: dict = {}  # {Column: {key: id}} of records of other resources
        self._held: dict = {}  # {columns: {values: id, or None where a row gave them up}}
        self._changed: dict = {}  # {id: (remembered columns after the rows so far, version, whether it is new)}
        self._sets = [*resource.definition.unique_sets(), ID]
        self._unique_names = tuple(sorted({name for names in self._sets for name in names} - {"id"}))
        refers_to_itself = any(kind.to == resource.name for kind in resource.definition.references.values())
        self._keeps_rows = self.key is not None or refers_to_itself  # since a later row may be about them
        self._remembered = {"id", "created_by", "version", *self._unique_names, *_ruling_fields(actor, resource)}
        self._now = ""

    def check(self, rows: list[Row]) -> list[Planned]:
        """Return what the rows will change; what is wrong with one of them is noted."""
        self._now = rfc3339(utcnow())
        drafts = [draft for row in rows if (draft := self._read(row))]
        drafts = self._resolve_targets(drafts)
        there = self._find_existing(drafts)
        taken = self._find_taken(drafts, there)
        return [made for draft in drafts if (made := self._plan(draft, there, taken))]

    def _read(self, row: Row) -> Draft | None:
        if row.problem:
            self.note(row.line, row.problem)
            return None
        try:
            return Draft(row.line, self.columns.read(row.names, row.values))
        except ValidationError as error:
            self.note(row.line, "; ".join(map(str, error.messages)))
            return None

    def _resolve_targets(self, drafts: list[Draft]) -> list[Draft]:
        """Put the ids of the records that the rows refer to among their values, where these are there already."""
        wanted: dict = {}
        for draft in drafts:
            for column, key in draft.values.targets:
                if key not in self._targets.get(column, ()):
                    wanted.setdefault(column, set()).add(key)
        for column, keys in wanted.items():
            target = self.resource.catalog[self.fields[column.field].to]
            convert = target.column(column.key).db_value
            bound = {key: convert(key) for key in keys}
            found = find_visible_many(self.actor, target, column.key, set(bound.values()))
            is_other = target.name != self.resource.name
            # What is missing in this very resource may come with a row of this very file.
            known = {key: found.get(value) for key, value in bound.items() if is_other or value in found}
            self._targets.setdefault(column, {}).update(known)
        return [draft for draft in drafts if self._take_targets(draft)]

    def _take_targets(self, draft: Draft) -> bool:
        for column, key in draft.values.targets:
            known = self._targets[column]
            if key not in known:
                draft.unresolved.append((column, key))
            elif known[key] is None:
                self.note(draft.line, self._no_target(column, key))
                return False
            else:
                draft.values.given[column.field] = known[key]
        return True

    def _no_target(self, column: Column, key: Any) -> str:
        target = self.fields[column.field].to
        return f"{column.field}: There is no record of {target} with the {column.key} {printable(str(key))}."

    def _find_existing(self, drafts: list[Draft]) -> dict:
        """Return {key: Found} of the records that the rows change."""
        if self.key is None:
            return {}
        keys = {value for draft in drafts if (value := self._key_of(draft.values)) is not None}
        return find_for_change(self.actor, self.resource, self.key, keys, self._unique_names)

    def _key_of(self, values: Values) -> Any:
        found = (values.system if self.key == "id" else values.given).get(self.key)
        return None if found is None else self.resource.column(self.key).db_value(found)

    def _find_taken(self, drafts: list[Draft], there: dict) -> dict:
        """Return {columns: {values: id}} of the records that already have values which must be unique."""
        wanted: dict = {names: set() for names in self._sets}
        for draft in drafts:
            found = there.get(self._key_of(draft.values)) if there else None
            row = self._after(draft.values, found)
            for names, tuples in wanted.items():
                values = tuple(row.get(name) for name in names)
                if None not in values:
                    tuples.add(values)
        return {names: find_taken(self.resource, names, tuples) for names, tuples in wanted.items() if tuples}

    def _after(self, values: Values, found: Found | None) -> dict:
        """Return the columns that must be unique as the row would leave them."""
        if found:
            given = self.resource.to_columns({n: v for n, v in values.given.items() if n in self._unique_names})
            return found.values | dict.fromkeys(values.empty) | given
        given = {"id": values.system.get("id"), **values.given}
        start = {name: self.resource.defaults.get(name) for name in self._unique_names}
        return self.resource.to_columns(start | {n: v for n, v in given.items() if n == "id" or n in start})

    def _plan(self, draft: Draft, there: dict, taken: dict) -> Planned | None:
        try:
            self._take_own_targets(draft)
            record_id, found = self._existing(draft, there)
            if record_id is None:
                return self._plan_new(draft, taken)
            return self._plan_change(draft, record_id, found, taken)
        except ValidationError as error:
            self.note(draft.line, "; ".join(map(str, error.messages)))
        except LarderError as error:
            self.note(draft.line, told(error.errors) if isinstance(error, Invalid) else error.message)
        return None

    def _take_own_targets(self, draft: Draft) -> None:
        """Let references to this very resource find the rows before this one."""
        for column, key in draft.unresolved:
            value = self.resource.column(column.key).db_value(key)
            record_id = self._held.get((column.key,), {}).get((value,))
            if record_id is None or not self._may_read(record_id):
                raise ValidationError(self._no_target(column, key))
            draft.values.given[column.field] = record_id

    def _may_read(self, record_id: str) -> bool:
        readable = policies.scope(self.resource.definition, "read", self.actor)
        return self._is_within(readable, record_id, {})

    def _is_within(self, scope: policies.Scope, record_id: str, changes: dict) -> bool:
        """Tell whether the record would be within the scope after the rows so far, and after more changes."""
        columns, _, is_new = self._changed.get(record_id, ({}, None, False))
        try:
            require_within(self.resource, scope, columns | changes, None if is_new else record_id)
        except Denied:
            return False
        return True

    def _existing(self, draft: Draft, there: dict) -> tuple[str | None, Found | None]:
        """Return the id of the record that has the row's key, and the Found of one that is in the database."""
        if self.key is None:
            return None, None
        value = self._key_of(draft.values)
        if value is None:
            raise ValidationError(f"{self.key}: A value is required, being the key.")
        held = self._held.get((self.key,), {})
        if (value,) in held:
            record_id = held[value,]
            found = there.get(value)
            return record_id, found if found and found.id == record_id else None
        found = there.get(value)
        if found is None and self.key == "id" and not self.actor.is_admin:
            raise ValidationError("id: There is no such record.")
        return (found.id, found) if found else (None, None)

    def _plan_new(self, draft: Draft, taken: dict) -> Planned:
        given, system = draft.values.given, draft.values.system
        values = self.resource.defaults | given
        self._require(values)
        row = new_row(self.actor, self.resource, values, self._now)
        if self.actor.is_admin:
            row |= {name: value for name, value in system.items() if value is not None or name == "created_by"}
        require_within(self.resource, self.allowed, row)
        sets = self._sets if self._keeps_rows or "id" in system else self._sets[:-1]
        self._refuse_taken(sets, row, row["id"], taken, {})
        self.created += 1
        if self._keeps_rows:
            self._changed[row["id"]] = (self._remember(row), row["version"], True)
        return Planned(draft.line, row["id"], row, words=words_of(self.resource, row))

    def _remember(self, columns: dict) -> dict:
        """Return what of a row later rows may depend on: not its long texts."""
        return {name: value for name, value in columns.items() if name in self._remembered}

    def _require(self, values: dict) -> None:
        if lacking := [name for name, value in values.items() if value is None and self.fields[name].required]:
            raise ValidationError([f"{name}: A value is required." for name in lacking])

    def _plan_change(self, draft: Draft, record_id: str, found: Found | None, taken: dict) -> Planned:
        data = dict.fromkeys(draft.values.empty) | draft.values.given
        self._require(data)
        allowed = policies.authorize(self.resource.definition, "update", self.actor)
        columns, version, is_new = self._changed.get(record_id) or ({}, found.version, False)
        may_change = self._is_within(allowed, record_id, {}) if columns else found.may_change
        if not may_change:
            raise Denied(f"You may not change this record of {self.resource.name}.")
        if_match = self._check_version(draft.values.system.get("version"), version)
        self.resource.require_indexable(data)
        changes = self.resource.to_columns(data)
        if data and allowed.concerns({*changes, "updated_at", "version"}):
            require_within(self.resource, allowed, columns | changes, None if is_new else record_id)
        before = (found.values if found else {}) | columns
        self._refuse_taken(self._sets[:-1], before | changes, record_id, taken, before)
        self._held.setdefault(ID, {})[record_id,] = record_id
        self.updated += 1
        self._changed[record_id] = (self._remember(columns | changes), version + bool(data), is_new)
        return Planned(draft.line, record_id, data, version, if_match, words_of(self.resource, changes))

    def _check_version(self, asked: int | None, version: int) -> set | None:
        if asked is None:
            if self.resource.definition.require_if_match:
                raise PreconditionMissing()
            return None
        if asked != version:
            raise PreconditionFailed()
        return {str(asked)}

    def _refuse_taken(self, sets: list, row: dict, record_id: str, taken: dict, before: dict) -> None:
        """Raise Conflict for values that another record or row has; else hold them for this one."""
        moves = []
        for names in sets:
            old, new = (tuple(values.get(name) for name in names) for values in (before, row))
            if None not in new and new != old and self._holder(names, new, taken) not in (None, record_id):
                raise unique_conflict(self.actor, self.resource, names)
            moves.append((self._held.setdefault(names, {}), old, new))
        for held, old, new in moves:
            if None not in old and old != new:
                held[old] = None
            if None not in new and len(held) < MAX_HELD:
                held[new] = record_id

    def _holder(self, names: tuple, values: tuple, taken: dict) -> str | None:
        held = self._held.get(names, {})
        return held[values] if values in held else taken.get(names, {}).get(values)


def _ruling_fields(actor: Actor, resource: Resource) -> set[str]:
    """Return the fields that decide whether the actor may read or change a record."""
    scopes = [policies.scope(resource.definition, action, actor) for action in ("read", "update")]
    return {name for scope in scopes for triples in scope.alternatives for name, _, _ in triples}


def told(errors: Any) -> str:
    """Return messages by field as one text."""
    if not isinstance(errors, dict):
        return " ".join(map(str, errors))
    parts = {name: each if isinstance(each, list | dict) else [each] for name, each in errors.items()}
    return "; ".join(f"{name}: {told(each)}" for name, each in parts.items())
