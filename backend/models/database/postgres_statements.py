"""Runs statements on one connection to Postgres: prepared, and several of them in one round trip."""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import count
from typing import Any, NamedTuple, TypeAlias

import psycopg
from psycopg.abc import Buffer, PQGen
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.generators import execute, fetch_many, send
from psycopg.pq import ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGresult

MAX_KNOWN = 200  # statements of a connection; a prepared one takes some 30 kB in the server
ROWS_AT_ONCE = 500
PLACE = re.compile("%([s%])")
# SQLSTATEs of a prepared statement whose tables have changed since, or that the server does not know.
OUTDATED = re.compile("0A000|26000|42...")

Row: TypeAlias = tuple[Any, ...]
Check: TypeAlias = Callable[[list[Row]], None]
Key: TypeAlias = tuple[str, tuple[int, ...] | None]  # (SQL, types of its values)


class Bound(NamedTuple):
    """A statement with its values in the form of the server, and what checks its rows."""

    sql: str
    params: Sequence[Buffer | None]
    types: tuple[int, ...] | None
    formats: Sequence[Format] | None
    has_one_plan: bool
    check: Check | None = None


class Statements:
    """The statements of a connection. From its second run on, one that has one plan is prepared.

    Cursors of psycopg could prepare it, too, but take twice the time (37 us instead of 19 for one row), and cannot send
    several statements without waiting in between.
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection, self._pgconn, self._transformer = connection, connection.pgconn, Transformer(connection)
        self._names: dict[Key, bytes | None] = {}  # of prepared statements; None for one that ran once
        self._numbers, self._prepares, self._ran_prepared = count(), True, False
        self._ahead: list[Bound] = []

    def run(self, sql: str, values: Sequence[Any] = (), *, has_one_plan: bool = False) -> list[Row]:
        """Execute a statement, after those that were to be sent ahead, and return its rows."""
        return self._run(self._bound(sql, values, has_one_plan))

    def run_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Execute a statement with each list of values."""
        for start in range(0, len(rows), ROWS_AT_ONCE):
            self._run(*(self._bound(sql, values, True) for values in rows[start : start + ROWS_AT_ONCE]))

    def send_ahead(self, sql: str, values: Sequence[Any] = (), check: Check | None = None) -> None:
        """Send a statement with the next one. `check` is called with its rows before the next one's are returned."""
        self._ahead.append(self._bound(sql, values, True)._replace(check=check))

    def take_back(self, sql: str | None = None) -> bool:
        """Do not send what was to be sent ahead, from the last `sql` on; return whether there was one. None: all."""
        texts = [each.sql for each in self._ahead]
        if sql is not None and sql not in texts:
            return False
        del self._ahead[0 if sql is None else len(texts) - 1 - texts[::-1].index(sql) :]
        return True

    def flush(self) -> None:
        """Send now what was to be sent ahead."""
        if self._ahead:
            self._run()

    @property
    def last_ahead(self) -> str | None:
        """The last statement that is to be sent ahead."""
        return self._ahead[-1].sql if self._ahead else None

    @property
    def must_be_checked(self) -> bool:
        """Whether a statement that is to be sent ahead has a check."""
        return any(each.check for each in self._ahead)

    @property
    def has_transaction(self) -> bool:
        """Whether the server has begun a transaction."""
        return self._pgconn.transaction_status != TransactionStatus.IDLE

    @property
    def has_failed(self) -> bool:
        """Whether a statement of the transaction has failed, so that it can only be rolled back."""
        return self._pgconn.transaction_status == TransactionStatus.INERROR

    def stop_preparing(self) -> None:
        """Prepare no more statements, because a table is about to change."""
        self._prepares = False
        self.forget()

    def forget(self) -> None:
        """Let the server forget the prepared statements."""
        if any(self._names.values()):
            self._ahead.insert(0, self._bound("DEALLOCATE ALL", (), False))
        self._names.clear()

    def is_outdated(self, error: psycopg.Error) -> bool:
        """Return whether the last statement was prepared already, and may have failed because of this."""
        return self._ran_prepared and OUTDATED.fullmatch(error.sqlstate or "") is not None

    def _bound(self, sql: str, values: Sequence[Any], has_one_plan: bool) -> Bound:
        transformer = self._transformer
        params = transformer.dump_sequence(values, [PyFormat.AUTO] * len(values))
        return Bound(sql, params, transformer.types, transformer.formats, has_one_plan)

    def _run(self, *more: Bound) -> list[Row]:
        """Execute the statements that were to be sent ahead, and then these; return the rows of the last one."""
        if len(self._names) >= MAX_KNOWN and not self.has_transaction:
            self.forget()
        batch, rows = [*self._ahead, *more], []
        self._ahead = []
        results = self._connection.wait(self._converse(batch[-1].sql, batch))
        for each, result in zip(batch, results, strict=True):
            rows = self._rows(result)
            if each.check:
                each.check(rows)
        return rows

    def _converse(self, query: str, batch: Sequence[Bound]) -> PQGen[list[PGresult]]:
        """Send the statements, of which `query` is the last one, and return the result of each."""
        key = query, batch[-1].types
        self._ran_prepared = self._names.get(key) is not None
        if len(batch) == 1 and not self._must_prepare(batch[0]):  # pipeline mode would cost 6 us
            self._send(batch[0])
            results: list[PGresult] = yield from execute(self._pgconn)
            return results
        self._pgconn.enter_pipeline_mode()
        results, prepared = [], [self._send(statement) for statement in batch]
        self._pgconn.pipeline_sync()
        yield from send(self._pgconn)
        for new in prepared:
            found = yield from fetch_many(self._pgconn)
            if new:
                executed = yield from fetch_many(self._pgconn)
                if found[0].status == ExecStatus.COMMAND_OK:
                    found = executed
                else:
                    self._names.pop(new)
            results.append(found[0])
        yield from fetch_many(self._pgconn)  # the end of the pipeline
        self._pgconn.exit_pipeline_mode()
        return results

    def _must_prepare(self, statement: Bound) -> bool:
        key = statement.sql, statement.types
        return self._prepares and statement.has_one_plan and self._names.get(key, b"") is None

    def _send(self, statement: Bound) -> Key | None:
        """Send a statement; return its Key if it is also prepared, which has a result of its own."""
        key, is_new = (statement.sql, statement.types), self._must_prepare(statement)
        if is_new:
            self._names[key] = b"larder_%d" % next(self._numbers)
            self._pgconn.send_prepare(self._names[key] or b"", _numbered(statement.sql), statement.types)
        if name := self._names.get(key):
            self._pgconn.send_query_prepared(name, statement.params, statement.formats)
        else:
            text = _numbered(statement.sql)
            self._pgconn.send_query_params(text, statement.params, statement.types, statement.formats)
            if statement.has_one_plan:
                self._names[key] = None
        return key if is_new else None

    def _rows(self, result: PGresult) -> list[Row]:
        """Return the rows of a result. Raises the error that it is."""
        if result.status == ExecStatus.TUPLES_OK:
            self._transformer.set_pgresult(result)
            return self._transformer.load_rows(0, result.ntuples, tuple)
        if result.status in (ExecStatus.COMMAND_OK, ExecStatus.EMPTY_QUERY):
            return []
        raise error_from_result(result)


@lru_cache(maxsize=1000)
def _numbered(sql: str) -> bytes:
    """Return the SQL with $1, $2, … as places of values."""
    numbers = count(1)
    return PLACE.sub(lambda place: f"${next(numbers)}" if place[1] == "s" else "%", sql).encode()
