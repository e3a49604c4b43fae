"""Makes the n-th statement of a call fail at the driver, with the exception that the driver itself would raise."""

import threading
from contextlib import closing, contextmanager

import cysqlite
import psycopg
from psycopg.pq import TransactionStatus

from backend.models.database import database
from backend.models.database.postgres_waiting import Connection


class Injection(threading.local):
    """Counts the statements of this thread, and lets `fault` happen instead of the n-th.

    A lasting fault, such as a broken disk, also happens to all later statements, including the rollback. `failed` lists
    the statements that failed.
    """

    countdown, fault, lasts, failed, loses_commits = 0, None, False, (), False

    def begin(self, n, fault):
        """Let the n-th statement from now on fail, or none if n is 0."""
        self.countdown, self.fault, self.lasts, self.failed = n, fault, fault in LASTING, []

    def before(self, connection, statement):
        """Count a statement before it runs; let the fault happen if it is the n-th."""
        self.countdown -= 1
        if self.countdown == 0 or (self.countdown < 0 and self.lasts and self.failed):
            self.failed.append(statement)
            self.fault(connection)

    def after(self, connection, statement):
        """Lose the connection after a commit, before its result is received."""
        if self.loses_commits and statement.upper() == "COMMIT":
            self.failed.append(statement)
            lost(connection)


injection = Injection()


# SQLite


class ProxyConnection:
    """A proxy of a connection to SQLite: every statement of the app passes the injection first."""

    def __init__(self, connection):
        self.real = connection

    def __getattr__(self, name):
        return getattr(self.real, name)

    def _injecting(name):
        def run(self, *args):
            statement = args[0] if name in ("execute", "executemany") else name
            injection.before(self.real, statement)
            found = getattr(self.real, name)(*args)
            injection.after(self.real, statement)
            return found

        return run

    execute, executemany = _injecting("execute"), _injecting("executemany")
    begin, commit, rollback = _injecting("begin"), _injecting("commit"), _injecting("rollback")

    def cursor(self):
        """Return a cursor whose statements and reads of rows pass the injection too."""
        return ProxyCursor(self.real, self.real.cursor())


class ProxyCursor:
    """A cursor of a ProxyConnection. SQLite finds rows only when they are read, so reading them may fail too."""

    def __init__(self, connection, cursor):
        self._connection, self._cursor, self._has_read = connection, cursor, False

    def __getattr__(self, name):
        return getattr(self._cursor, name)

    def _injecting(name):
        def run(self, *args):
            if name.startswith("execute"):
                injection.before(self._connection, args[0])
                getattr(self._cursor, name)(*args)
                return self
            if not self._has_read:
                self._has_read = True
                try:
                    injection.before(self._connection, name)
                except cysqlite.Error:
                    self._cursor.close()  # as SQLite resets a statement that fails
                    raise
            return getattr(self._cursor, name)(*args)

        return run

    execute, executemany = _injecting("execute"), _injecting("executemany")
    fetchone, fetchmany, fetchall = _injecting("fetchone"), _injecting("fetchmany"), _injecting("fetchall")

    def __iter__(self):
        return iter(self.fetchone, None)


def locked(connection):
    """Another process holds the lock."""
    raise cysqlite.exceptions.DatabaseLockedError("error executing query: [] database is locked (code=5, ext=5)")


def full(connection):
    """The disk is full: SQLite has rolled the transaction back itself."""
    if connection.in_transaction:
        connection.rollback()
    raise cysqlite.exceptions.DiskFullError("error executing query: [] database or disk is full (code=13, ext=13)")


def broken_disk(connection):
    """The disk cannot be read or written any more; a rollback says so, and has been done."""
    if connection.in_transaction and injection.failed[-1] == "rollback":
        connection.rollback()
    raise cysqlite.OperationalError("error executing query: [] disk I/O error (code=10, ext=266)")


def wrong(connection):
    """A defect of the app: SQLite does not understand the statement."""
    raise cysqlite.OperationalError("error compiling statement: [] no such function: larder (code=1, ext=1)")


# Postgres


def ended(connection):
    """The server ends the session, as an operator does, or a restart."""
    side.connection.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.info.backend_pid])


def deadlocked(connection):
    """The server ends the transaction, and the session continues."""
    _raise_in_server(connection, "40P01")


def wrong_in_server(connection):
    """A defect of the app: the server fails in the statement."""
    _raise_in_server(connection, "P0001")


def _raise_in_server(connection, sqlstate):
    if connection.pgconn.transaction_status == TransactionStatus.INERROR:
        return ended(connection)  # nothing else can happen any more
    result = connection.pgconn.exec_(f"DO $$ BEGIN RAISE SQLSTATE '{sqlstate}'; END $$".encode())
    raise psycopg.errors.error_from_result(result)


def lost(connection):
    """The connection or the disk fails after a commit, before the app receives its result."""
    if isinstance(connection, cysqlite.Connection):
        broken_disk(connection)
    connection.pgconn.finish()
    raise psycopg.OperationalError("server closed the connection unexpectedly")


LASTING = {broken_disk}
TEMPORARY = {"sqlite": [locked, full, broken_disk], "postgres": [ended, deadlocked]}
UNEXPECTED = {"sqlite": wrong, "postgres": wrong_in_server}


@contextmanager
def wired(handle):
    """Open new connections for a handle, all of whose statements pass the injection."""
    handle.close_all()
    with _wired_sqlite(handle) if handle.name == "sqlite" else _wired_postgres(handle):
        try:
            yield
        finally:
            handle.close_all()


@contextmanager
def _wired_sqlite(handle):
    connect = handle._connect
    handle._connect = lambda: ProxyConnection(connect())
    try:
        with closing(cysqlite.connect(handle.database)) as side.connection:
            yield
    finally:
        del handle._connect


@contextmanager
def _wired_postgres(handle):
    wait = Connection.wait

    def inject_and_wait(connection, conversation, *args, **options):
        statement = str(conversation.gi_frame.f_locals.get("query", conversation.__name__))
        try:
            injection.before(connection, statement)
        except psycopg.Error:
            conversation.close()
            raise
        found = wait(connection, conversation, *args, **options)
        injection.after(connection, statement)
        return found

    Connection.wait = inject_and_wait
    try:
        with psycopg.connect(handle.database, autocommit=True, prepare_threshold=None) as side.connection:
            yield
    finally:
        Connection.wait = wait


@contextmanager
def failing(n, fault):
    """Let the n-th statement in the block fail; yield the list of the failed statements."""
    injection.begin(n, fault)
    try:
        yield injection.failed
    finally:
        injection.begin(0, None)


@contextmanager
def losing_commits():
    """Lose the results of all commits in the block; yield the list of these commits."""
    injection.begin(0, None)
    injection.loses_commits = True
    try:
        yield injection.failed
    finally:
        injection.loses_commits = False


class Side:
    """A connection of the test itself, to read the database independently of the app."""

    connection = None

    def content(self):
        """Return a map of table name to its sorted rows as text; `shape` has the schema of all tables."""
        if isinstance(self.connection, cysqlite.Connection):
            names = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            shape = "SELECT type, name, sql FROM sqlite_schema"
        else:
            names = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
            mine = "SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            columns = "attrelid::regclass, attname, atttypid::regtype, attnotnull"
            shape = f"SELECT {columns} FROM pg_attribute WHERE attnum > 0 AND attrelid IN ({mine})"
        tables = [name for (name,) in self.connection.execute(names).fetchall()]
        found = {name: self._rows(f'SELECT * FROM "{name}"') for name in tables}
        return found | {"shape": self._rows(shape)}

    def _rows(self, query):
        return sorted(map(repr, map(tuple, self.connection.execute(query).fetchall())))


side = Side()


def assert_nothing_is_left(what_happened):
    """Assert that no connection, transaction, lock or setting outlives a request."""
    handle = database.obj
    assert handle.is_closed(), what_happened
    assert not handle._in_use, what_happened
    assert handle._opening == 0, what_happened
    assert (handle._state.transactions, handle._state.commit_callbacks) == ([], []), what_happened
    for held in handle._free:
        assert_as_new(held.connection, what_happened)
    if handle.name == "sqlite":
        assert not handle._write_turn.locked(), what_happened
        assert handle._long_write_ends_at is None, what_happened
        assert not getattr(handle._writer, "has_turn", False), what_happened
        assert not hasattr(handle._writer, "wait_limit"), what_happened


def assert_as_new(connection, what_happened):
    """Assert that a connection in the pool has no transaction, and the settings that the next request relies on."""
    if isinstance(connection, ProxyConnection):
        assert not connection.real.in_transaction, what_happened
        assert (connection.real.pragma("foreign_keys"), connection.real.pragma("defer_foreign_keys")) == (1, 0), (
            what_happened
        )
        return
    assert connection.pgconn.transaction_status == TransactionStatus.IDLE, what_happened
    if connection.server_limits is not None:
        names = ("statement_timeout", "lock_timeout")
        found = dict(connection.execute("SELECT name, setting FROM pg_settings WHERE name LIKE '%timeout'").fetchall())
        assert connection.server_limits == tuple(int(found[name]) for name in names), what_happened
