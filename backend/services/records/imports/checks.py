"""Checks the rows of a file, without a lock, as if each row were a request of its own."""

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
from backend.services.records.files.rows import Row
from backend.services.records.imports.earlier_rows import ID, EarlierRows, RecordState
from backend.services.records.imports.lookups import StoredRecord
from backend.services.records.imports.planned_writes import PlannedWrite
from backend.services.records.imports.report import ReportProblems
from backend.services.records.imports.stored import StoredRecords, find_stored, key_of
from backend.services.records.imports.targets import Targets, explain_missing, target_name, with_ids
from backend.services.records.imports.unique_sets import UniqueSets
from backend.services.records.imports.values import Draft, Reference, ValueReader
from backend.services.records.link_writes import Lists, future_lists, has_link
from backend.services.records.records import new_row
from backend.services.records.references import has_value
from backend.services.records.row_checks import future_links, meets, require_in_scope
from backend.services.records.upserts import KEY_IS_NULL
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


class Checker:
    """Checks rows and turns them into planned writes.

    `allowed` is the Scope of what the actor may create. `report_problems` is called for each bad row.
    """

    def __init__(
        self,
        actor: Actor,
        resource: Resource,
        values: ValueReader,
        *,
        key: str | None,
        allowed: policies.Scope,
        report_problems: ReportProblems,
    ) -> None:
        self._actor, self._resource, self._key, self._report_problems = actor, resource, key, report_problems
        self.created = self.updated = 0
        self._values, self._allowed = values, allowed
        self._targets = Targets(actor, resource, report_problems, may_change=key is not None)
        self._unique_sets = UniqueSets(resource)
        self._earlier = EarlierRows({*ALWAYS_REMEMBERED, *self._unique_sets.fields, *_ruling_fields(actor, resource)})
        # Only if later rows can change a new record, found by its key, or refer to it.
        self._remembers_new_rows = key is not None or _refers_to_itself(resource)
        self._now, self._defaults = "", dict[str, Any]()

    def check(self, rows: list[Row]) -> list[PlannedWrite]:
        """Return the planned writes of the rows that are valid; report the problems of the others."""
        self._now = rfc3339(utcnow())
        self._defaults = defaults_of(self._actor, self._resource, self._now)
        drafts = self._targets.resolve([draft for row in rows if (draft := self._read(row))])
        stored = find_stored(self._actor, self._resource, self._unique_sets, self._key, drafts, self._defaults)
        return [planned for draft in drafts if (planned := self._plan(draft, stored))]

    def _read(self, row: Row) -> Draft | None:
        if row.problem:
            self._report_problems(row.line, Problem("bad_format", row.problem))
            return None
        try:
            return self._values.read(row)
        except ValidationError as error:
            self._report_problems(row.line, *flatten(error.messages))
            return None

    def _plan(self, draft: Draft, stored: StoredRecords) -> PlannedWrite | None:
        try:
            return self._plan_row(self._resolve_references(draft, stored), stored)
        except ValidationError as error:
            self._report_problems(draft.line, *flatten(error.messages))
        except LarderError as error:
            self._report_problems(draft.line, *row_problems(error))
        return None

    def _resolve_references(self, draft: Draft, stored: StoredRecords) -> Draft:
        """Return the draft with its remaining references replaced by ids.

        They are those of records that earlier rows create, or that the record refers to already. Raises ValidationError
        if there is no such record.
        """
        found = []
        for reference in draft.references:
            record_id = self._created_target(reference) or self._kept_target(draft, reference, stored)
            if record_id is None:
                raise ValidationError(explain_missing(self._resource, reference.column, reference.key))
            found.append((reference, record_id))
        return with_ids(draft, found)._replace(references=[]) if found else draft

    def _created_target(self, reference: Reference) -> str | None:
        """Return the id of the record that an earlier row creates, if the actor may read it."""
        column, key, _ = reference
        if target_name(self._resource, column) != self._resource.name:
            return None
        value = self._resource.compared_value(column.target_field, key)
        record_id = self._earlier.holder(FieldSet((column.target_field,)), (value,))
        readable = policies.scope(self._resource, "read", self._actor)
        return record_id if record_id is not None and self._is_within(readable, record_id) else None

    def _kept_target(self, draft: Draft, reference: Reference, stored: StoredRecords) -> str | None:
        """Return the id if the stored record that the row changes refers to it already."""
        column, key, place = reference
        found = stored.by_key.get(key_of(self._resource, self._key, draft))
        if found is None or column.target_field != "id":
            return None
        has = has_value if place is None else has_link
        return key if has(self._actor, self._resource, found.id, column.field, key) else None

    def _is_within(self, scope: policies.Scope, record_id: str) -> bool:
        """Return whether a record, as the rows so far leave it, is within the scope."""
        state = self._earlier.get(record_id) or RecordState({}, 0, is_new=False)
        known_id = None if state.is_new else record_id
        return scope.everything or meets(self._resource, scope.condition, state.columns, known_id)

    def _plan_row(self, draft: Draft, stored: StoredRecords) -> PlannedWrite:
        if self._key is None:
            return self._plan_new(draft, stored)
        key = key_of(self._resource, self._key, draft)
        if key is None:
            raise ValidationError(KEY_IS_NULL.within(self._key))
        found = stored.by_key.get(key)
        record_id = self._find_record_id(key, found)
        if record_id is None:
            return self._plan_new(draft, stored)
        return self._plan_change(draft, record_id, found if found and found.id == record_id else None, stored)

    def _find_record_id(self, key: Any, found: StoredRecord | None) -> str | None:
        """Return the id of the record that has the key after the rows so far; None if the row creates a new one.

        `found` is the stored record that has the key. Raises ValidationError if the actor may not choose a new id.
        """
        assert self._key is not None
        if self._earlier.has_changed(FieldSet((self._key,)), (key,)):
            return self._earlier.holder(FieldSet((self._key,)), (key,))
        if found is None and self._key not in self._values.writable and not self._actor.is_admin:
            raise ValidationError(Problem("not_found", "There is no such record.").within(self._key))
        return found.id if found else None

    def _plan_new(self, draft: Draft, stored: StoredRecords) -> PlannedWrite:
        """Return the PlannedWrite of a new record. Raises an error as a request would get it."""
        values = self._defaults | draft.values
        self._require_values(values)
        row = new_row(self._actor, self._resource, values, self._now)
        if self._actor.is_admin:
            system_values = draft.system_values.items()
            row |= {name: value for name, value in system_values if value is not None or name == "created_by"}
        lists = {name: values[name] for name in self._resource.definition.links}
        future = row | future_links(self._resource, lists)
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
        fields = self._resource.definition.fields
        needed = [name for name in values if fields[name].required and fields[name].is_settable]
        if missing := [name for name in needed if values[name] == fields[name].no_value]:
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
        may_change = found.may_change if found and not state.columns else self._is_within(allowed, record_id)
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
        moves = [(each, taken(each, before), taken(each, after)) for each in sets]
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


def _refers_to_itself(resource: Resource) -> bool:
    return any(field.to == resource.name for field in resource.definition.referring.values())


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
