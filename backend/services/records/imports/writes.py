"""Writes the checked rows of a file, many with one statement; if that fails, one by one."""

from collections.abc import Iterator
from operator import itemgetter

from peewee import IntegrityError, ModelUpdate

from backend.models.database import database
from backend.services.access.actors import Actor
from backend.services.definitions.catalog import Resource
from backend.services.errors import Invalid, LarderError, Unavailable
from backend.services.records.conflicts import raising_conflicts
from backend.services.records.file_writes import attach_files
from backend.services.records.imports.planned_writes import PlannedWrite
from backend.services.records.imports.planning import row_problems
from backend.services.records.imports.report import ReportProblems
from backend.services.records.link_writes import Lists, changed_lists, insert_lists, replace_lists
from backend.services.records.numbering import numbered
from backend.services.records.records import update_record
from backend.services.storage.full_text import keep_words
from backend.services.storage.inserts import insert_rows
from backend.services.storage.recording import recorded
from backend.services.storage.statements import slot
from backend.utils.clock import rfc3339, utcnow


class _Outdated(Exception):
    """Raised if a record has changed since its row was checked; not an error."""


class Writer:
    """Writes batches of planned writes, each in a savepoint, or in a transaction if there is none yet.

    `done` counts the rows of the current batch that were written or reported.
    """

    def __init__(self, actor: Actor, resource: Resource, report_problems: ReportProblems) -> None:
        self.actor, self.resource, self.report_problems = actor, resource, report_problems
        self.created = self.updated = 0
        self.done = 0

    def write(self, batch: list[PlannedWrite]) -> None:
        """Write a batch. Rows that have become invalid since they were checked are reported."""
        self.done = 0
        for part in _without_repeats(batch):
            try:
                with database.atomic():
                    self._write_together(part)
            except (IntegrityError, Invalid, _Outdated):
                for planned in part:
                    self._write_alone(planned)
                    self.done += 1
            else:
                self._count(part)
                self.done += len(part)

    def _count(self, written: list[PlannedWrite]) -> None:
        new = sum(planned.is_new for planned in written)
        self.created += new
        self.updated += len(written) - new

    def _write_together(self, part: list[PlannedWrite]) -> None:
        self.resource.hold_definition()
        new = [planned for planned in part if planned.is_new]
        changed = [planned for planned in part if not planned.is_new]
        self._insert(new)
        self._require_versions(changed)
        by_names: dict[tuple[str, ...], list[PlannedWrite]] = {}
        for planned in changed:
            by_names.setdefault(tuple(sorted(planned.data)), []).append(planned)
        for names, same_fields in by_names.items():
            self._update(names, same_fields)

    def _write_alone(self, planned: PlannedWrite) -> None:
        try:
            with database.atomic(), raising_conflicts(self.actor, self.resource):
                if planned.is_new:
                    self.resource.hold_definition()
                    self._insert([planned])
                else:
                    update_record(self.actor, self.resource, planned.record_id, planned.data, planned.if_match)
        except Unavailable:
            raise
        except LarderError as error:
            self.report_problems(planned.line, *row_problems(error))
        else:
            self._count([planned])

    def _insert(self, new: list[PlannedWrite]) -> None:
        if not new:
            return
        attach_files(self.actor, self.resource, {planned.record_id: planned.data for planned in new}, are_new=True)
        columns = self.resource.definition.inserted_fields
        with recorded(self.actor.user_id, self.resource, [planned.record_id for planned in new]):
            rows = numbered(self.resource, [planned.data for planned in new])
            insert_rows(self.resource.name, columns, [*map(itemgetter(*columns), rows)])
            insert_lists(self.resource, {planned.record_id: planned.lists for planned in new})
        keep_words(self.resource, {planned.record_id: planned.words for planned in new})

    def _require_versions(self, changed: list[PlannedWrite]) -> None:
        """Lock the records. Raises _Outdated if one no longer has the version that was checked."""
        if not changed:
            return
        key = self.resource.column("id")
        query = self.resource.model.select(key, self.resource.column("version"))
        query = query.where(key.in_([planned.record_id for planned in changed]))
        rows = database.execute(database.lock_for_update(query.order_by(key))).fetchall()
        if {str(record_id): version for record_id, version in rows} != {p.record_id: p.version for p in changed}:
            raise _Outdated

    def _update(self, names: tuple[str, ...], some: list[PlannedWrite]) -> None:
        if not names:
            return
        now = rfc3339(utcnow())
        rows = {p.record_id: self.resource.to_columns(p.data) | {"updated_at": now} for p in some}
        attach_files(self.actor, self.resource, {p.record_id: p.data for p in some}, are_new=False)
        with recorded(self.actor.user_id, self.resource, [*rows], self.resource.definition.with_computed(names)):
            slots = (row | {"id": record_id} for record_id, row in rows.items())
            columns = tuple(name for name in names if name in self.resource.definition.columns)
            self.resource.run_many(_update_query, columns, rows=slots)
            if len(columns) < len(names):
                replace_lists(self.resource, {p.record_id: self._changed_lists(p) for p in some})
        keep_words(self.resource, {planned.record_id: planned.words for planned in some})

    def _changed_lists(self, planned: PlannedWrite) -> Lists:
        """Return the lists that a row changes. Raises Invalid if a target no longer exists for the actor."""
        return changed_lists(self.actor, self.resource, planned.record_id, planned.data)


def _without_repeats(batch: list[PlannedWrite]) -> Iterator[list[PlannedWrite]]:
    """Split the batch into parts so that no part writes a record twice."""
    part: list[PlannedWrite] = []
    ids: set[str] = set()
    for planned in batch:
        if planned.record_id in ids:
            yield part
            part, ids = [], set()
        part.append(planned)
        ids.add(planned.record_id)
    if part:
        yield part


def _update_query(resource: Resource, names: tuple[str, ...]) -> ModelUpdate:
    version = resource.column("version")
    values = {resource.column(name): slot(name) for name in (*names, "updated_at")} | {version: version + 1}
    return resource.model.update(values).where(resource.column("id") == slot("id"))
