"""Plans the write of each row: checks it, without a lock, as if it were a request of its own."""

from collections.abc import Iterable
from typing import Any

from marshmallow import ValidationError

from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.definitions.field_sets import FieldSet
from backend.services.errors import (
    Conflict,
    Denied,
    Invalid,
    LarderError,
    NotFound,
    PreconditionFailed,
    PreconditionMissing,
)
from backend.services.field_types.references import EACH_ONCE
from backend.services.records.conflicts import unique_conflict
from backend.services.records.constraints import require_constraints
from backend.services.records.defaults import defaults_of
from backend.services.records.file_writes import PlannedFiles
from backend.services.records.future_rows import future_links, require_in_scope
from backend.services.records.imports.earlier_rows import ID, EarlierRows, RecordState
from backend.services.records.imports.lookups import StoredRecord
from backend.services.records.imports.planned_writes import PlannedWrite
from backend.services.records.imports.report import ReportProblems
from backend.services.records.imports.row_references import RowReferences
from backend.services.records.imports.stored import StoredRecords, find_stored, key_of
from backend.services.records.imports.targets import Targets
from backend.services.records.imports.unique_sets import NO_VALUES, Taken, UniqueSets
from backend.services.records.imports.values import Draft, ValueReader
from backend.services.records.imports.waiting_rows import Wanted
from backend.services.records.link_writes import Lists, future_lists
from backend.services.records.records import new_row
from backend.services.records.row_files.rows import Row
from backend.services.records.upserts import KEY_IS_NULL, OWNER, Key
from backend.services.storage.full_text import words_of
from backend.utils.clock import rfc3339, utcnow
from backend.utils.problems import REQUIRED, Code, Problem, flatten

ALWAYS_REMEMBERED = ("id", "created_by", "version")  # columns of earlier rows that checks of later rows may need

ROW_CODES: dict[type[LarderError], Code] = {
    Conflict: "not_unique",
    Denied: "forbidden",
    NotFound: "not_found",
    PreconditionFailed: "stale",
    PreconditionMissing: "required",
}


class Planner:
    """Checks rows and turns them into planned writes, each as if the rows planned before it were written.

    `allowed` is the Scope of what the actor may create. `report_problems` is called for each bad row.
    """

    def __init__(
        self,
        actor: Actor,
        resource: Resource,
        values: ValueReader,
        *,
        key: Key | None,
        allowed: policies.Scope,
        report_problems: ReportProblems,
    ) -> None:
        self._actor, self._resource, self._key, self._report_problems = actor, resource, key, report_problems
        self.created = self.updated = 0
        self._values, self._allowed = values, allowed
        self._targets = Targets(actor, resource, report_problems, may_change=key is not None)
        self._unique_sets = UniqueSets(resource)
        self._files = PlannedFiles(actor, resource)
        self.refers_to_itself = any(field.to == resource.name for field in resource.definition.referring.values())
        remembered = {*ALWAYS_REMEMBERED, *self._unique_sets.fields, *_ruling_fields(actor, resource)}
        self._earlier = EarlierRows(remembered, lists_given=self.refers_to_itself)
        self._references = RowReferences(actor, resource, key, self._earlier)
        # Only if later rows can change a new record, found by its key, or refer to it.
        self._remembers_new_rows = key is not None or self.refers_to_itself
        self._now, self._defaults = "", dict[str, Any]()
        fields = resource.definition.fields.items()
        # Map of name to what must not be the value.
        self._needed = {name: field.no_value for name, field in fields if field.required and field.is_settable}

    def read(self, rows: list[Row]) -> tuple[list[Draft], StoredRecords]:
        """Return the drafts of rows, and what is stored about them; report the rows that cannot be read."""
        self._now = rfc3339(utcnow())
        self._defaults = defaults_of(self._actor, self._resource, self._now)
        together = self._values.read_together(rows)
        read = [draft for row in rows if (draft := self._read(row))] if together is None else together
        drafts = self._targets.resolve(read)
        stored = find_stored(self._actor, self._resource, self._unique_sets, self._key, drafts, self._defaults)
        return drafts, stored

    def key_of(self, draft: Draft) -> Taken | None:
        """Return what the row's values of the key are compared by, or None."""
        return key_of(self._actor, self._resource, self._key, draft)

    def take_given(self) -> list[tuple[tuple[str, ...], Taken]]:
        """Return the (fields, unique values) that rows gave to records since the last call."""
        return [(field_set.fields, values) for field_set, values in self._earlier.take_given()]

    def provided(self, draft: Draft) -> set[Wanted]:
        """Return what other rows may wait for that the row gives to a record."""
        given, names = draft.values | draft.system_values, {each.fields[0] for each in (*self._unique_sets.rules, ID)}
        values = {name: given[name] for name in names if given.get(name) is not None}
        return {Wanted((name,), (self._resource.compared_value(name, value),)) for name, value in values.items()}

    def _read(self, row: Row) -> Draft | None:
        if row.problem:
            self._report_problems(row.line, Problem("bad_format", row.problem))
            return None
        try:
            return self._values.read(row)
        except ValidationError as error:
            self._report_problems(row.line, *flatten(error.messages))
            return None

    def plan(self, draft: Draft, stored: StoredRecords) -> PlannedWrite | None:
        """Return the planned write of a row; None if the row is bad, which is reported.

        Raises LaterRow if the row refers to a record of the same resource that is not there.
        """
        try:
            return self._plan_row(self._references.resolve(draft, stored), stored)
        except ValidationError as error:
            self._report_problems(draft.line, *flatten(error.messages))
        except LarderError as error:
            self._report_problems(draft.line, *row_problems(error))
        return None

    def _plan_row(self, draft: Draft, stored: StoredRecords) -> PlannedWrite:
        if self._key is None:
            return self._plan_new(draft, stored)
        key = self.key_of(draft)
        if key is None:
            given = draft.values | draft.system_values
            raise ValidationError([KEY_IS_NULL.within(name) for name in self._key if given.get(name) is None])
        found = stored.find(key)
        record_id = self._find_record_id(key, found)
        if record_id is None:
            return self._plan_new(draft, stored)
        return self._plan_change(draft, record_id, found if found and found.id == record_id else None, stored)

    def _find_record_id(self, key: Taken, found: StoredRecord | None) -> str | None:
        """Return the id of the record that has the key after the rows so far; None if the row creates a new one.

        `found` is the stored record that has the key. Raises ValidationError if the actor may not choose a new id.
        """
        assert self._key is not None
        if self._earlier.has_changed(FieldSet(self._key), key):
            return self._earlier.holder(FieldSet(self._key), key)
        settable = {OWNER, *self._values.writable}
        if found is None and not settable.issuperset(self._key) and not self._actor.is_admin:
            raise ValidationError(Problem("not_found", "There is no such record.").within(", ".join(self._key)))
        return found.id if found else None

    def _plan_new(self, draft: Draft, stored: StoredRecords) -> PlannedWrite:
        """Return the PlannedWrite of a new record. Raises an error as a request would get it."""
        values = self._defaults | draft.values
        self._require_values(values)
        row = new_row(self._actor, self._resource, values, self._now)
        if draft.system_values and self._actor.is_admin:
            system_values = draft.system_values.items()
            row |= {name: value for name, value in system_values if value is not None or name == "created_by"}
        lists = {name: values[name] for name in self._resource.definition.links}
        self._files.check(row["id"], row, stored.files)
        future = row | future_links(self._resource, lists) if lists else row
        require_in_scope(self._resource, self._allowed, future)
        require_constraints(self._actor, self._resource, row)
        sets = [*self._unique_sets.rules]
        if self._remembers_new_rows or "id" in draft.system_values:
            sets.append(ID)
        self._claim(sets, row["id"], {}, row, stored)
        if self._remembers_new_rows:
            self._earlier.remember(row["id"], RecordState(future, row["version"], is_new=True))
        self.created += 1
        return PlannedWrite(draft.line, row["id"], row, words_of(self._resource, row), lists=lists)

    def _require_values(self, values: dict[str, Any]) -> None:
        needed = self._needed
        if missing := [name for name in values if name in needed and values[name] == needed[name]]:
            raise ValidationError([REQUIRED.within(name) for name in missing])
        links = [name for name in self._resource.definition.links if name in values]
        if repeated := [name for name in links if len(set(values[name])) != len(values[name])]:
            raise ValidationError([EACH_ONCE.within(name) for name in repeated])

    def _plan_change(
        self, draft: Draft, record_id: str, found: StoredRecord | None, stored: StoredRecords
    ) -> PlannedWrite:
        """Return the PlannedWrite that changes a record; `found` is None if an earlier row gave it the key.

        Raises an error as a request would get it.
        """
        fields = self._resource.definition.fields
        data = {name: fields[name].no_value for name in draft.empty_fields} | draft.values
        self._require_values(data)
        allowed = policies.authorize(self._resource, "update", self._actor)
        state = self._state_of(allowed, record_id, found)
        if_match = self._check_version(draft.system_values.get("version"), state.version)
        self._resource.require_indexable(data)
        self._files.check(record_id, data, stored.files)
        columns = self._resource.to_columns(data)
        changes = columns | future_links(self._resource, self._future_lists(record_id, data, state))
        changed = self._resource.definition.with_computed({*changes, "updated_at", "version"})
        if data and allowed.depends_on(changed):
            require_in_scope(self._resource, allowed, state.columns | changes, None if state.is_new else record_id)
        future = state.columns | changes
        require_constraints(self._actor, self._resource, future, None if state.is_new else record_id)
        before = (found.values if found else {}) | state.columns
        self._claim(self._unique_sets.rules, record_id, before, before | changes, stored)
        self._earlier.move(ID, record_id, (None,), (record_id,))  # no later row may create a record with this id
        new_state = RecordState(state.columns | changes, state.version + bool(data), state.is_new)
        self._earlier.remember(record_id, new_state)
        self.updated += 1
        return PlannedWrite(draft.line, record_id, data, words_of(self._resource, columns), state.version, if_match)

    def _future_lists(self, record_id: str, data: dict[str, Any], state: RecordState) -> Lists:
        """Return the lists of a record as a row would leave them, with the links that the actor does not see."""
        given: Lists = {name: data[name] for name in self._resource.definition.links if name in data}
        if not given or state.is_new:
            return given
        lists = future_lists(self._actor, self._resource, record_id, given)
        return {name: ids for name, (ids, _) in lists.items()}

    def _state_of(self, allowed: policies.Scope, record_id: str, found: StoredRecord | None) -> RecordState:
        """Return the state of the record after the rows so far. Raises Denied if the actor may not change it."""
        state = self._earlier.get(record_id)
        if state is None:
            assert found is not None  # the record was found by its key: in an earlier row, or stored
            state = RecordState({}, found.version, is_new=False)
        may_change = found.may_change if found and not state.columns else self._references.is_within(allowed, record_id)
        if not may_change:
            raise Denied(f"You may not change this record of {self._resource.name}.")
        return state

    def _check_version(self, expected: int | None, version: int) -> set[str] | None:
        if expected is None:
            if self._resource.definition.require_if_match:
                raise PreconditionMissing()
            return None
        if expected != version:
            raise PreconditionFailed()
        return {str(expected)}

    def _claim(
        self,
        sets: Iterable[FieldSet],
        record_id: str,
        before: dict[str, Any],
        after: dict[str, Any],
        stored: StoredRecords,
    ) -> None:
        """Give a record the unique values in `after`. Raises Conflict if another record or an earlier row has them."""
        taken = self._unique_sets.taken
        moves = [(each, taken(each, before) if before else NO_VALUES, taken(each, after)) for each in sets]
        for each, old, new in moves:
            if None not in new and new != old and self._holder(each, new, stored) not in (None, record_id):
                raise unique_conflict(self._actor, self._resource, each.fields)
        for each, old, new in moves:
            self._earlier.move(each, record_id, old, new)

    def _holder(self, field_set: FieldSet, values: tuple[Any, ...], stored: StoredRecords) -> str | None:
        """Return the id of the record that has these unique values after the rows so far, or None."""
        if self._earlier.has_changed(field_set, values):
            return self._earlier.holder(field_set, values)
        return stored.holders.get(field_set, {}).get(values)


def _ruling_fields(actor: Actor, resource: Resource) -> set[str]:
    """Return the fields that decide whether the actor may read or change a record."""
    scopes = [policies.scope(resource, action, actor) for action in ("read", "update")]
    return {name for scope in scopes for name in scope.condition.own_fields}


def row_problems(error: LarderError) -> list[Problem]:
    """Return the problems of a row that a request would get as this error."""
    if isinstance(error, Invalid):
        return [*flatten(error.errors)]
    if names := [*error.details.get("json", ())]:
        return [Problem("not_unique", error.message, names=names)]
    return [Problem(ROW_CODES.get(type(error), "not_allowed"), error.message)]
