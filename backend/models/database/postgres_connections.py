"""Connections to a Postgres server: time limits, transactions, and the translation of errors."""

import re
import select
import threading
from collections.abc import Sequence
from typing import Any

import psycopg
import structlog
from peewee import DatabaseError, OperationalError, PostgresqlDatabase
from psycopg.pq import ConnStatus, TransactionStatus

from backend.models.database.dialect import Dialect
from backend.models.database.failures import NoAnswer, PoolExhausted, QueryTimeout, TablesChanged
from backend.models.database.feed_sql import POSTGRES_FEED
from backend.models.database.pool import PooledConnection
from backend.models.database.postgres_errors import driver_error
from backend.models.database.postgres_savepoints import Savepoint
from backend.models.database.postgres_statements import Check, Row, Statements
from backend.models.database.postgres_suitability import require_encoding, require_suitable
from backend.models.database.postgres_waiting import Address, Connection, Silence, address_of, is_answering
from backend.models.database.time_limits import MIN_WAIT_SECONDS, allowance

QUERY_CANCELED = "57014"
KEEP_SECONDS = 1800  # how long a connection is reused
# Settings that statements rely on; the server, the database or the role may have different defaults. They are set with
# SET, because a connection pooler refuses options in the connection string.
SESSION = {
    "timezone": "UTC",
    "datestyle": "ISO",
    "intervalstyle": "postgres",
    "standard_conforming_strings": "on",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "transform_null_equals": "off",
    "search_path": "public",
}

CHANGES_TABLES = re.compile(r"\s*(?:ALTER|DROP)\b", re.IGNORECASE)

log = structlog.get_logger()


class PostgresConnections(Dialect, PostgresqlDatabase):
    """The connections of this process to a Postgres database."""

    driver_errors = (psycopg.Error,)
    keep_seconds = KEEP_SECONDS
    feed = POSTGRES_FEED

    def __init__(self, *args: Any, **options: Any) -> None:
        self._is_suitable = False
        self._is_silent, self._probing = False, threading.Lock()
        self._address: Address | None = None
        self._table_changes = 0
        super().__init__(*args, **options)

    # Connections

    def _take(self) -> PooledConnection:
        if self._is_silent:
            self._probe()
        return super()._take()

    def _probe(self) -> None:
        """Probe a server that did not respond, in one thread at a time. Raises NoAnswer if it still does not."""
        if self._probing.acquire(blocking=False):
            try:
                if self._address is None or is_answering(self._address):
                    self._is_silent = False
                    return
            finally:
                self._probing.release()
        raise NoAnswer("the database server does not answer")

    def _connect(self) -> Connection:
        seconds = allowance.wait_seconds(self.wait_seconds)
        if seconds <= 0:
            raise PoolExhausted("no time was left to connect")
        try:
            connection = Connection.connect(
                self.database,
                autocommit=True,
                prepare_threshold=None,  # see Statements
                client_encoding="UTF8",
                connect_timeout=max(round(seconds), 1),
            )
        except psycopg.errors.ConnectionTimeout:
            self._is_silent = self._address is not None
            raise
        self._address = address_of(connection)
        connection.statements, connection.table_changes = Statements(connection), self._table_changes
        connection.silence_seconds = self.wait_seconds
        try:
            connection.execute("; ".join(f"SET {name} = '{value}'" for name, value in SESSION.items()))
            self._send_limits(connection, (round(self.query_seconds * 1000), self._lock_ms()))
        except psycopg.Error:
            connection.close()
            raise
        return connection

    def limit_memory(self, number_of_bytes: int) -> None:
        """Do nothing: the server sorts within its work_mem, and in files beyond."""

    def _lock_ms(self) -> int:
        # lock_timeout must be lower than statement_timeout, or it would have no effect.
        maximum = min(self.wait_seconds, self.query_seconds * 0.9)
        remaining = allowance.wait_seconds(maximum)
        # Sending a new limit takes a round trip, so it is sent only to a request that has waited for long already.
        return round((maximum if remaining > maximum / 2 else max(remaining, MIN_WAIT_SECONDS)) * 1000)

    def _send_limits(self, connection: Connection, limits: tuple[int, int]) -> None:
        connection.execute("SET statement_timeout = {}; SET lock_timeout = {}".format(*limits))
        connection.server_limits = limits

    def _prepare(self, pooled: PooledConnection) -> None:
        require_encoding(pooled.connection)
        if not self._is_suitable:
            require_suitable(pooled.connection)
            self._is_suitable = True

    def _is_usable(self, pooled: PooledConnection) -> bool:
        pgconn = pooled.connection.pgconn
        if pgconn.status != ConnStatus.OK:
            return False
        # A server sends nothing on an idle connection, except that it has ended the connection.
        poll = select.poll()
        poll.register(pgconn.socket, select.POLLIN)
        return not poll.poll(0)

    def _is_clean(self, pooled: PooledConnection) -> bool:
        return bool(pooled.connection.pgconn.transaction_status == TransactionStatus.IDLE)

    # Statements

    def _begin_statement(self) -> None:
        connection = self._state.conn
        limits = (0 if allowance.seconds is None else round(allowance.seconds * 1000), self._lock_ms())
        if connection.server_limits != limits:
            self._send_limits(connection, limits)
            connection.limits_set_in_transaction = connection.statements.has_transaction

    def tables_have_changed(self) -> None:
        """Let all connections forget their prepared statements: types may be different."""
        self._table_changes += 1

    def send_ahead(self, sql: str, values: Sequence[Any] = (), check: Check | None = None) -> None:
        """Execute a statement with the next one: see Dialect.send_ahead."""
        with self._translated_errors():
            self._statements().send_ahead(sql, values, check)

    def _statements(self) -> Statements:
        connection = self.connection()
        if connection.table_changes != self._table_changes:
            connection.table_changes = self._table_changes
            connection.statements.forget()
        statements: Statements = connection.statements
        return statements

    def _fetch_all(self, sql: str, params: Sequence[Any]) -> list[Row]:
        self._log_query(sql, params)
        return self._statements().run(sql, params)

    def _fetch_planned(self, sql: str, params: Sequence[Any]) -> list[Row]:
        self._log_query(sql, params)
        statements = self._statements()
        try:
            return statements.run(sql, params, has_one_plan=True)
        except psycopg.Error as error:
            if not statements.is_outdated(error):
                raise
            self.tables_have_changed()
            if statements.has_transaction:
                raise TablesChanged("the tables have changed since a statement was prepared") from error
        return self._statements().run(sql, params)

    def _execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        self._statements().run_many(sql, rows)

    def _execute_cursor(self, sql: str, params: Sequence[Any] | None, **options: Any) -> Any:
        self._statements().flush()
        if CHANGES_TABLES.match(sql):
            self._state.conn.statements.stop_preparing()
            self.drop_connection()
        return super()._execute_cursor(sql, params, **options)  # type: ignore[misc]  # not in its stubs

    def commit_mark(self) -> str:
        """Return which transactions a statement sees now.

        Each commit that wrote something changes it, of other databases of the server, too. A server that takes over
        after a failure may number its transactions alike; it has started at another time.
        """
        sql = "SELECT concat(pg_postmaster_start_time(), ' ', pg_current_snapshot())"
        ((mark,),) = self.fetch_all(sql, ())
        return str(mark)

    def named_failure(self, error: Exception) -> Exception:
        """Return the known failure for an error of Postgres; if there is none, the error itself."""
        cause = driver_error(error)
        if isinstance(cause, Silence):
            self._is_silent = True
            return NoAnswer(str(cause))
        if getattr(cause, "sqlstate", None) == QUERY_CANCELED and allowance.seconds is not None:
            return QueryTimeout(allowance.seconds)
        return error

    def forget_server_limits(self) -> None:
        """Send the limits again before the next statement: a rollback may have reset them."""
        connection = self._state.conn
        if connection.limits_set_in_transaction:
            connection.server_limits, connection.limits_set_in_transaction = None, False

    # Transactions

    def begin(self, isolation_level: str | None = None) -> None:
        """Begin a transaction, with its first statement."""
        self.send_ahead("BEGIN")

    def has_failed(self) -> bool:
        """Return whether a statement of the transaction has failed, so that it executes no other one."""
        return not self.is_closed() and bool(self._state.conn.statements.has_failed)

    def commit(self) -> None:
        """Commit. Raises OperationalError if a statement has failed: the server would answer with a rollback."""
        statements = self._state.conn.statements
        if self.has_failed():
            raise OperationalError("a statement of the transaction has failed")
        if statements.must_be_checked:
            with self._translated_errors():
                statements.flush()
        if statements.has_transaction:
            self.run_command("COMMIT")
        statements.take_back()
        self._state.conn.limits_set_in_transaction = False

    def rollback(self) -> None:
        """Roll back. A broken connection needs no rollback, and an error here would hide why it broke."""
        if self.is_closed():
            return
        self.forget_server_limits()
        connection = self._state.conn
        connection.statements.take_back()
        try:
            if connection.pgconn.status == ConnStatus.OK and connection.statements.has_transaction:
                self.run_command("ROLLBACK")
        except DatabaseError as error:
            log.warning("rollback failed", reason=self.temporary_reason(error) or type(error).__name__)
            self.drop_connection()

    def run_command(self, command: str) -> None:
        """Run a command that ends a transaction or rolls back a savepoint, without the time limit of statements.

        Work that was done within the limit must not fail at its end. Limits are not sent before such a command, because
        in a failed transaction the server accepts only a rollback.
        """
        with self._translated_errors(), self.time_limit(None if allowance.seconds is None else self.query_seconds):
            self._state.conn.statements.run(command)

    def savepoint(self) -> Savepoint:
        """Return the context manager of a savepoint."""
        return Savepoint(self)
