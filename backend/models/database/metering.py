"""Measures the statements of a database, and translates the errors of its driver."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NoReturn, TypeAlias, TypeVar

import structlog
from peewee import PeeweeException, __exception_wrapper__  # type: ignore[attr-defined]  # not in its stubs

from backend.models.database.pool import Pooled
from backend.models.database.time_limits import MIN_WAIT_SECONDS, allowance
from backend.utils import slow_statements
from backend.utils.meter import meter

T = TypeVar("T")
Row: TypeAlias = tuple[Any, ...]

MAX_LOGGED = 8_000  # characters of a slow statement; one that inserts many rows has more

log = structlog.get_logger()


class Metered(Pooled):
    """A database that measures its statements and logs slow ones, as SQL without values."""

    slow_seconds = 1.0
    driver_errors: tuple[type[Exception], ...]
    query_seconds = 5.0  # that the statements of a request may take together
    inserts_many = False  # with one statement: psycopg sends a short one for many rows in one round trip

    def begin_request(self, waited_seconds: float = 0) -> None:
        """Limit how long this thread may use the database, until end_request().

        `waited_seconds` is how long the request has waited for a thread. It counts as waiting for the database, because
        requests often wait for a thread while other requests wait for a lock.
        """
        least = min(MIN_WAIT_SECONDS, self.wait_seconds)
        allowance.begin(self.query_seconds, max(self.wait_seconds - waited_seconds, least))

    def end_request(self) -> None:
        """End the limits of this thread and return its connection to the pool."""
        allowance.end()
        self.close()

    def time_limit(self, seconds: float | None) -> AbstractContextManager[None]:
        """Return the context manager of a block whose statements may take `seconds` in total; None for no limit."""
        return allowance.limited(seconds)

    def renew_wait(self) -> None:
        """Reset how long this thread may wait for locks, before the next of several transactions."""
        allowance.renew_wait(self.wait_seconds)

    def announce_write(self, seconds: float | None) -> None:
        """Announce for how many seconds this thread will still write; used by SQLite in errors of other writers."""

    def execute_sql(self, sql: str, params: Sequence[Any] | None = None) -> Any:
        """Execute a statement and return its cursor."""
        return self._timed(super().execute_sql, sql, params)

    def fetch_all(self, sql: str, params: Sequence[Any], has_one_plan: bool = False) -> list[Row]:
        """Execute a query and return all its rows, measuring both: SQLite finds rows only when they are fetched.

        `has_one_plan` says that the best plan does not depend on the values, so Postgres need not make it each time.
        """
        return self._timed(self._fetch_planned if has_one_plan else self._fetch_all, sql, params)

    def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Execute a statement with each list of values."""
        self._timed(self._execute_many, sql, rows)

    def send_ahead(
        self, sql: str, values: Sequence[Any] = (), check: Callable[[list[Row]], None] = lambda rows: None
    ) -> None:
        """Execute a statement now, or on Postgres together with the next one, which saves waiting for its answer.

        `check` is called with its rows, before the next statement returns. If it raises an error, the transaction must
        be rolled back, because the next statement may have been executed.
        """
        check(self.fetch_all(sql, values))

    def tables_have_changed(self) -> None:
        """Keep no plan of a statement from before: a table may have changed, in this process or in another one."""

    def _fetch_all(self, sql: str, params: Sequence[Any]) -> list[Row]:
        self._log_query(sql, params)
        cursor = self._state.conn.cursor()  # not through peewee, whose layers take longer than a small statement
        cursor.execute(sql, params)
        rows: list[Row] = cursor.fetchall()
        return rows

    def _fetch_planned(self, sql: str, params: Sequence[Any]) -> list[Row]:
        return self._fetch_all(sql, params)

    def _execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        self.cursor().executemany(sql, rows)

    def _timed(self, run: Callable[[str, Any], T], sql: str, values: Sequence[Any] | None) -> T:
        if self._state.closed:
            self.connect()  # before the clock starts: opening a connection is not part of the statement
        began = time.perf_counter()
        try:
            self._begin_statement()
            return run(sql, values)
        except self._errors() as error:
            self._raise_translated(error)
        finally:
            self._count(sql, time.perf_counter() - began)

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        """Translate errors of the driver in a block to errors of peewee, or to one of the known failures."""
        try:
            yield
        except self._errors() as error:
            self._raise_translated(error)

    def _errors(self) -> tuple[type[Exception], ...]:
        return (PeeweeException, *self.driver_errors)

    def _raise_translated(self, error: Exception) -> NoReturn:
        translated = self.failure_of(error)
        if translated is error:
            raise error
        raise translated from error

    def _count(self, sql: str, seconds: float) -> None:
        meter.seconds += seconds
        meter.statements += 1
        if seconds >= self.slow_seconds:
            meter.slow_statements += 1
            slow_statements.note(sql, seconds)
            shown = sql if len(sql) <= MAX_LOGGED else f"{sql[:MAX_LOGGED]}…"
            log.warning("slow query", request_id=meter.request_id, duration_ms=round(seconds * 1000), sql=shown)

    def _begin_statement(self) -> None:
        """Make the database stop the next statement at its time limit."""

    def failure_of(self, error: Exception) -> Exception:
        """Return the known failure for an error of peewee or of the driver; if there is none, the error of peewee."""
        if not isinstance(error, PeeweeException):
            try:
                with __exception_wrapper__:
                    raise error
            except PeeweeException as wrapped:
                error = wrapped
            except self.driver_errors:
                pass  # peewee has no class for it
        return self.named_failure(error)

    def named_failure(self, error: Exception) -> Exception:
        """Return the known failure for an error of peewee; if there is none, the error itself."""
        return error
