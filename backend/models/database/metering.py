"""A database whose statements are timed, and stopped when they take too long."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NoReturn, TypeAlias, TypeVar

import structlog
from peewee import PeeweeException, __exception_wrapper__  # type: ignore[attr-defined]  # not in its stubs

from backend.models.database.pool import Pooled
from backend.models.database.time_limits import LEAST_WAIT_SECONDS, allowance
from backend.utils.meter import meter

T = TypeVar("T")
Row: TypeAlias = tuple[Any, ...]

log = structlog.get_logger()


class Metered(Pooled):
    """A database whose statements are timed, and logged when they are slow: as SQL, which holds no values."""

    slow_seconds = 1.0
    driver_errors: tuple[type[Exception], ...]
    query_seconds = 5.0  # what the statements of a request may take together

    def begin_request(self, waited_seconds: float = 0) -> None:
        """Limit what this thread takes of the database from now on, until end_request().

        `waited_seconds` is how long the request has waited for the thread. They count as waits: else requests behind
        those that wait for a lock would take as long again, round by round.
        """
        least = min(LEAST_WAIT_SECONDS, self.wait_seconds)
        allowance.begin(self.query_seconds, max(self.wait_seconds - waited_seconds, least))

    def end_request(self) -> None:
        """Limit this thread no more; its connection, if it has one, goes back to the pool."""
        allowance.end()
        self.close()

    def time_limit(self, seconds: float | None) -> AbstractContextManager[None]:
        """Return the context manager of a block whose statements may take `seconds` together; None is no limit."""
        return allowance.limited(seconds)

    def wait_anew(self) -> None:
        """Let this thread wait for locks again as long as a request may, for the next of several transactions."""
        allowance.wait_anew(self.wait_seconds)

    def announce_write(self, seconds: float | None) -> None:
        """Say for how long this thread will go on to write; it matters where writers take turns."""

    def execute_sql(self, sql: str, params: Sequence[Any] | None = None) -> Any:
        """Execute a statement and return its cursor."""
        return self._timed(super().execute_sql, sql, params)

    def fetch_all(self, sql: str, params: Sequence[Any]) -> list[Row]:
        """Execute a query and return all its rows, which SQLite finds only when they are asked for."""
        return self._timed(self._fetch_all, sql, params)

    def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Execute a statement with each list of values."""
        self._timed(self._execute_many, sql, rows)

    def _fetch_all(self, sql: str, params: Sequence[Any]) -> list[Row]:
        rows: list[Row] = super().execute_sql(sql, params).fetchall()
        return rows

    def _execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        self.cursor().executemany(sql, rows)

    def _timed(self, run: Callable[[str, Any], T], sql: str, values: Sequence[Any] | None) -> T:
        if self.is_closed():
            self.connect()  # its own wait is not the statement's time
        began = time.perf_counter()
        try:
            self._begin_statement()
            return run(sql, values)
        except self._errors() as error:
            self._raise_known(error)
        finally:
            self._count(sql, time.perf_counter() - began)

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Raise what goes wrong in a block as peewee's errors, or as the failure that it is known to be."""
        try:
            yield
        except self._errors() as error:
            self._raise_known(error)

    def _errors(self) -> tuple[type[Exception], ...]:
        return (PeeweeException, *self.driver_errors)

    def _raise_known(self, error: Exception) -> NoReturn:
        known = self.failure_of(error)
        if known is error:
            raise error
        raise known from error

    def _count(self, sql: str, seconds: float) -> None:
        meter.seconds += seconds
        meter.statements += 1
        if seconds >= self.slow_seconds:
            log.warning("slow query", request_id=meter.request_id, duration_ms=round(seconds * 1000), sql=sql)

    def _begin_statement(self) -> None:
        """Have the database stop the statement that comes next when the time for it is over."""

    def failure_of(self, error: Exception) -> Exception:
        """Return the failure that an error of peewee or of the driver means, or the error itself, as peewee's."""
        if not isinstance(error, PeeweeException):
            try:
                with __exception_wrapper__:
                    raise error
            except PeeweeException as wrapped:
                error = wrapped
            except self.driver_errors:
                pass  # of no class that peewee knows
        return self.named_failure(error)

    def named_failure(self, error: Exception) -> Exception:
        """Return the failure that an error of the database means, or the error itself."""
        return error
