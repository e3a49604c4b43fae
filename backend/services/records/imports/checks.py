"""Checks rows in an order in which each can refer to the records of others, and makes planned writes of them."""

from collections import deque
from collections.abc import Iterator
from typing import Any

from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.records.imports.planned_writes import PlannedWrite
from backend.services.records.imports.planning import Planner
from backend.services.records.imports.report import ReportProblems
from backend.services.records.imports.stored import StoredRecords
from backend.services.records.imports.targets import explain_missing
from backend.services.records.imports.values import Draft, ValueReader
from backend.services.records.imports.waiting_rows import (
    LaterRow,
    Waiting,
    WaitingRows,
    Wanted,
    explain_circle,
    find_circles,
)
from backend.services.records.row_files.rows import Row
from backend.services.records.upserts import Key


class Checker:
    """Checks rows and turns them into planned writes.

    `allowed` is the Scope of what the actor may create. `report_problems` is called for each bad row. A
    row that refers to a record which is not there waits for a later row.
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
        self._resource, self._report_problems = resource, report_problems
        self._planner = Planner(actor, resource, values, key=key, allowed=allowed, report_problems=report_problems)
        self._waiting = WaitingRows()

    @property
    def created(self) -> int:
        """How many records the rows so far create."""
        return self._planner.created

    @property
    def updated(self) -> int:
        """How many times the rows so far change a record."""
        return self._planner.updated

    def close(self) -> None:
        """Delete the temporary file of the rows that wait."""
        self._waiting.close()

    def check(self, rows: list[Row]) -> Iterator[PlannedWrite]:
        """Yield the planned writes of the rows that are valid; report the problems of the others."""
        drafts, stored = self._planner.read(rows)
        if self._planner.refers_to_itself:
            for draft in drafts:
                yield from self._plan(draft, stored)
            return
        for draft in drafts:
            if planned := self._planner.plan(draft, stored):
                yield planned

    def finish(self) -> Iterator[PlannedWrite]:
        """Report the rows that wait for a record after the last row; yield the planned writes of those after them."""
        while referring := self._waiting.take_referring():
            circles = find_circles(self._provided(referring))
            for _, place in referring:
                draft, _, reference = self._waiting.take(place)
                assert reference is not None  # of take_referring
                circle = circles.get(draft.line)
                missing = explain_missing(self._resource, reference.column, reference.key)
                problem = explain_circle(reference.column.field, circle) if circle else missing
                self._report_problems(draft.line, problem)
                for next_place in self._waiting.finish(self._planner.key_of(draft)):
                    yield from self._plan(*self._waiting.take(next_place)[:2])

    def _provided(self, referring: list[tuple[Wanted, int]]) -> Iterator[tuple[int, Wanted, set[Wanted]]]:
        """Yield (line, what the row waits for, what it would provide) of each row, which are not in memory together."""
        for wanted, place in referring:
            draft = self._waiting.read(place).draft
            yield draft.line, wanted, self._planner.provided(draft)

    def _plan(self, draft: Draft, stored: StoredRecords) -> Iterator[PlannedWrite]:
        """Plan a row, and then the rows that waited for it."""
        places: deque[int] = deque()
        while True:
            key = self._planner.key_of(draft)
            try:
                self._waiting.require_turn(key)
                planned = self._planner.plan(draft, stored)
            except LaterRow as later:
                self._waiting.add(later, Waiting(draft, stored, later.reference), key)
            else:
                if planned:
                    yield planned
                places.extend(self._released(key))
            if not places:
                return
            draft, stored, _ = self._waiting.take(places.popleft())
            self._waiting.keys.discard(self._planner.key_of(draft))

    def _released(self, key: Any) -> list[int]:
        """Return the places of the rows that waited for the row that was planned last; `key` is its key."""
        given = self._planner.take_given()
        if not self._waiting:
            return []
        places = [place for fields, values in given for place in self._waiting.release(Wanted(fields, values))]
        return places + self._waiting.finish(key)
