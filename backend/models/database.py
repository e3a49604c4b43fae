"""The database handle, and what SQLite and Postgres say differently."""

import fcntl
import re
import threading
import time
from contextlib import contextmanager, nullcontext
from pathlib import Path

import structlog
from peewee import SQL, Cast, DatabaseProxy, Expression, InterfaceError, NodeList, OperationalError, Table, fn
from playhouse.cysqlite_ext import PooledCySqliteDatabase
from playhouse.pool import PooledPostgresqlDatabase

from backend.utils.meter import meter

# One handle per process: it outlives every build of the app.
database = DatabaseProxy()

STALE_CONNECTION_SECONDS = 1800

log = structlog.get_logger()


class Metered:
    """A database whose statements are timed, and told of when they are slow: as SQL, which holds no values."""

    slow_seconds = 1.0

    def execute_sql(self, sql, params=None):
        """Execute a statement and return its cursor."""
        began = time.perf_counter()
        try:
            return super().execute_sql(sql, params)
        finally:
            self._count(sql, time.perf_counter() - began)

    def fetch_all(self, sql, params):
        """Execute a query and return all its rows, which SQLite finds only when they are asked for."""
        began = time.perf_counter()
        try:
            return super().execute_sql(sql, params).fetchall()
        finally:
            self._count(sql, time.perf_counter() - began)

    def _count(self, sql, seconds):
        meter.seconds += seconds
        meter.statements += 1
        if seconds >= self.slow_seconds:
            log.warning("slow query", request_id=meter.request_id, duration_ms=round(seconds * 1000), sql=sql)


class Sqlite(Metered, PooledCySqliteDatabase):
    """SQLite through cysqlite, in WAL mode."""

    field_types = PooledCySqliteDatabase.field_types | {
        "LARDER_TEXT": "TEXT",
        "LARDER_INTEGER": "INTEGER",
        "LARDER_FLOAT": "REAL",
        "LARDER_BOOLEAN": "INTEGER",
        "LARDER_DECIMAL": "INTEGER",
        "LARDER_DATE": "TEXT",
        "LARDER_DATETIME": "TEXT",
        "LARDER_JSON": "TEXT",
        "LARDER_UUID": "TEXT",
    }
    strict_tables = True  # the one check of types that SQLite offers
    turn_seconds = 5
    adds_foreign_keys_later = False
    alters_columns = False
    drops_with_constraints = ""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self._turn, self._writer = threading.Lock(), threading.local()

    def begin(self, lock_type=None):
        """Begin a transaction, when it is this thread's turn to write.

        SQLite would have writers ask again and again, with pauses, and one that is unlucky for seconds; the threads of
        this process wait for each other in a row instead. Other processes still meet at SQLite's own lock.
        """
        if not self._turn.acquire(timeout=self.turn_seconds):
            raise OperationalError("database is locked by another thread")
        self._writer.has_turn, has_begun = True, False
        try:
            super().begin(lock_type)
            has_begun = True
        finally:
            if not has_begun:
                self._end_turn()

    def commit(self):
        """Commit; if that fails the rollback that follows ends the turn."""
        super().commit()
        self._end_turn()

    def rollback(self):
        """Roll back."""
        try:
            super().rollback()
        finally:
            self._end_turn()

    def _end_turn(self):
        if getattr(self._writer, "has_turn", False):
            self._writer.has_turn = False
            self._turn.release()

    def json_object(self, pairs):
        """Return the expression of a JSON object, as text, from (name, expression) pairs."""
        return fn.json_object(*(part for name, value in pairs for part in (SQL(f"'{name}'"), value)))

    def json_array(self, values):
        """Return the expression of a JSON array, as text, of the values of expressions."""
        return fn.json_array(*values)

    def fold(self, node):
        """Return the expression of a text without regard to case."""
        return fn.larder_fold(node)

    def position(self, text, part):
        """Return the expression of where `part` begins in `text`, from 1; 0 when it does not occur."""
        return fn.instr(text, part)

    def exact_sum(self, column):
        """Return the expressions of a sum of integers, in the parts that put_together() takes: one might overflow."""
        # As SQL, or the column would take them for values of its own and scale them.
        return [fn.SUM(Expression(column, ">>", SQL("32"))), fn.SUM(Expression(column, "&", SQL("4294967295")))]

    def put_together(self, parts):
        """Return the sum that the next values of an iterator are the parts of; None of no values."""
        high, low = next(parts), next(parts)
        return None if high is None else (high << 32) + low

    def full_text_ddl(self, table, words_table, terms_table, columns):
        """Return the statements that make the table of words of the records of `table`, and its index."""
        listed, new, old = (", ".join(prefix + name for name in columns) for prefix in ("", "new.", "old."))
        texts = ", ".join(f"{name} TEXT NOT NULL DEFAULT ''" for name in columns)
        # The words are plain already: whatever is not ASCII is part of a word.
        fts5 = f"fts5({listed}, content='{words_table}', content_rowid='number', tokenize='ascii')"
        add = f'INSERT INTO "{terms_table}" (rowid, {listed}) VALUES (new.number, {new});'
        gone = f"('delete', old.number, {old})"
        remove = f'INSERT INTO "{terms_table}" ("{terms_table}", rowid, {listed}) VALUES {gone};'
        keys = f'number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE REFERENCES "{table}" ("id") ON DELETE CASCADE'
        return [
            f'CREATE TABLE "{words_table}" ({keys}, {texts}) STRICT',
            f'CREATE VIRTUAL TABLE "{terms_table}" USING {fts5}',
            f'CREATE TRIGGER "{words_table}_i" AFTER INSERT ON "{words_table}" BEGIN {add} END',
            f'CREATE TRIGGER "{words_table}_d" AFTER DELETE ON "{words_table}" BEGIN {remove} END',
            f'CREATE TRIGGER "{words_table}_u" AFTER UPDATE ON "{words_table}" BEGIN {remove} {add} END',
        ]

    def full_text_drops(self, words_table, terms_table):
        """Return the statements that drop both."""
        return [f'DROP TABLE "{terms_table}"', f'DROP TABLE "{words_table}"']

    def full_text_value(self, words):
        """Return what the table of words holds of a text."""
        return " ".join(words)

    def full_text_query(self, words_table, terms_table, columns, terms):
        """Return the query of (id, score) of the records with all terms in these columns; the best has the least."""
        # The name of an FTS5 table is a column of it, too: the one to match.
        words, index = Table(words_table), Table(terms_table)
        matched = words.select(words.c.id, index.c.rank.alias("score"))
        return matched.join(index, on=(index.c.rowid == words.c.number)).where(
            Expression(index.c[terms_table], "MATCH", terms)
        )

    def full_text_terms(self, columns, terms):
        """Return what full_text_query takes for these terms: each begins a word of one of the columns."""
        wanted = " AND ".join(f'"{term}"*' for term in terms)
        return f"{{{' '.join(columns)}}} : ({wanted})"

    def order(self, column, descending, nullable):
        """Return the ORDER BY term that puts NULL last."""
        # SQLite sorts NULL first, so a descending index is already right and stays usable.
        return column.desc() if descending else column.asc(nulls="LAST") if nullable else column.asc()

    def bindable(self, column):
        """Return the expression of a column's value in a form that JSON can carry and a query can bind again."""
        return column

    def ids(self, node):
        """Return the query of the ids in a JSON array: one text whatever their number."""
        return NodeList((SQL("SELECT value FROM json_each("), node, SQL(")")), parens=True)

    def typed(self, node, column):
        """Return the expression of a value as if it came from the column."""
        return Cast(node, self.field_types[column.field_type])

    def lock_for_update(self, query):
        """Return `query` reading rows that nobody else may change before the transaction ends."""
        return query  # BEGIN IMMEDIATE holds the only write lock already

    def lock_definitions(self):
        """Hold, until the transaction ends, the right to change definitions."""

    def share_definitions(self):
        """Keep definitions from changing until the transaction ends; it holds the only write lock already."""

    @contextmanager
    def reshaping(self):
        """Return the transaction in which definitions change; in it foreign keys are not enforced.

        A table that is made anew would otherwise take the rows that refer to it along. Within another transaction they
        stay enforced: SQLite changes that between transactions only.
        """
        with connected():
            self.pragma("foreign_keys", 0)
            try:
                with self.atomic():
                    yield
            finally:
                self.pragma("foreign_keys", 1)

    def hold_table(self, name):
        """Keep everybody else from a table until the transaction ends."""

    def execute_many(self, sql, rows):
        """Execute a statement with each list of values."""
        self.connection().executemany(sql, rows)

    @contextmanager
    def impatient(self):
        """Have a write in this block fail at once where another connection holds the lock to write."""
        patience = self.pragma("busy_timeout")
        self.pragma("busy_timeout", 0)
        try:
            yield
        finally:
            self.pragma("busy_timeout", patience)

    def violated(self, error):
        """Return (kind, columns or constraint) of an IntegrityError; kind is `unique`, `foreign_key` or `other`."""
        text = str(error)
        if found := re.search(r"UNIQUE constraint failed: (.+?) \(code=", text):
            return "unique", tuple(column.split(".", 1)[1] for column in found[1].split(", "))
        return ("foreign_key" if "FOREIGN KEY constraint failed" in text else "other"), ()

    def temporary_reason(self, error):
        """Return in words why trying again may help, None where it cannot: a lock, no file, a full disk."""
        found = re.search(r"database (table )?is locked|database or disk is full|unable to open", str(error))
        return found and found[0]

    def is_wrong_shape(self, error):
        """Tell whether a statement named a table or column that is not there."""
        return bool(re.search(r"no such (table|column)", str(error)))


class Postgres(Metered, PooledPostgresqlDatabase):
    """Postgres through psycopg 3."""

    field_types = PooledPostgresqlDatabase.field_types | {
        # The C collation compares bytes, as SQLite does: both databases sort alike, and a prefix can use the index.
        "LARDER_TEXT": 'TEXT COLLATE "C"',
        "LARDER_INTEGER": "BIGINT",
        "LARDER_FLOAT": "DOUBLE PRECISION",
        "LARDER_BOOLEAN": "BOOLEAN",
        "LARDER_DECIMAL": "NUMERIC",
        "LARDER_DATE": "DATE",
        "LARDER_DATETIME": "TIMESTAMPTZ",
        "LARDER_JSON": "JSON",  # not JSONB: the text is kept as it came, on both databases
        "LARDER_UUID": "UUID",
    }
    strict_tables = False
    adds_foreign_keys_later = True  # a foreign key needs its target's table first
    alters_columns = True
    drops_with_constraints = " CASCADE"  # of the foreign keys that refer to the table
    definitions_lock = 0x1A4DE4  # any number of our own for pg_advisory_xact_lock

    def json_object(self, pairs):
        """Return the expression of a JSON object, as text, from (name, expression) pairs."""
        # json_build_object takes 50 pairs at most; a row has no such limit.
        columns = NodeList([NodeList((value, SQL(f'AS "{name}"'))) for name, value in pairs], glue=", ")
        # No field's name has a double underscore, so the alias hides none.
        return NodeList((SQL("(SELECT row_to_json(row__)::text FROM (SELECT"), columns, SQL(") AS row__)")))

    def json_array(self, values):
        """Return the expression of a JSON array, as text, of the values of expressions."""
        return Cast(fn.json_build_array(*values), "TEXT")

    def fold(self, node):
        """Return the expression of a text without regard to case."""
        return fn.LOWER(NodeList((node, SQL(f'COLLATE "{self.folding_collation}"'))))

    def position(self, text, part):
        """Return the expression of where `part` begins in `text`, from 1; 0 when it does not occur."""
        return fn.strpos(text, part)

    def exact_sum(self, column):
        """Return the expressions of a sum of integers or decimals, in the parts that put_together() takes."""
        return [fn.SUM(column)]

    def put_together(self, parts):
        """Return the sum that the next values of an iterator are the parts of; None of no values."""
        return next(parts)

    def full_text_ddl(self, table, words_table, terms_table, columns):
        """Return the statements that make the table of words of the records of `table`, and its index."""
        vectors = ", ".join(f"{name} TSVECTOR NOT NULL DEFAULT ''" for name in columns)
        reference = f'REFERENCES "{table}" ("id") ON DELETE CASCADE'
        return [
            f'CREATE TABLE "{words_table}" (id UUID PRIMARY KEY {reference}, {vectors})',
            f'CREATE INDEX "{terms_table}" ON "{words_table}" USING GIN (({" || ".join(columns)}))',
        ]

    def full_text_drops(self, words_table, terms_table):
        """Return the statements that drop both."""
        return [f'DROP TABLE "{words_table}"']

    def full_text_value(self, words):
        """Return what the table of words holds of a text: each word with its place, or repeats would not count."""
        return " ".join(f"{word}:{min(place, 16_383)}" for place, word in enumerate(words, 1))

    def full_text_query(self, words_table, terms_table, columns, terms):
        """Return the query of (id, score) of the records with all terms in these columns; the best has the least."""
        words = Table(words_table)
        vector = NodeList([words.c[name] for name in columns], glue=" || ", parens=True)
        asked = Cast(terms, "TSQUERY")
        score = fn.ts_rank(vector, asked, 1) * -1  # peewee takes a minus for DESC
        return words.select(words.c.id, score.alias("score")).where(Expression(vector, "@@", asked))

    def full_text_terms(self, columns, terms):
        """Return what full_text_query takes for these terms: each begins a word of one of the columns."""
        return " & ".join(f"'{term}':*" for term in terms)

    def order(self, column, descending, nullable):
        """Return the ORDER BY term that puts NULL last."""
        # Postgres sorts NULL last when ascending, so the plain term stays usable for an index.
        return column.desc(nulls="LAST") if descending and nullable else column.desc() if descending else column.asc()

    def bindable(self, column):
        """Return the expression of a column's value in a form that JSON can carry and a query can bind again."""
        return Cast(column, "TEXT")

    def ids(self, node):
        """Return the query of the ids in a JSON array: one text whatever their number."""
        return NodeList((SQL("SELECT value::uuid FROM json_array_elements_text("), node, SQL("::json)")), parens=True)

    def typed(self, node, column):
        """Return the expression of a value as if it came from the column."""
        kind, collate, collation = self.field_types[column.field_type].partition(" COLLATE ")
        return NodeList((Cast(node, kind), SQL(collate + collation)))

    def lock_for_update(self, query):
        """Return `query` reading rows that nobody else may change before the transaction ends."""
        return query.for_update()

    def lock_definitions(self):
        """Hold, until the transaction ends, the right to change definitions."""
        self.execute_sql("SELECT pg_advisory_xact_lock(%s)", (self.definitions_lock,))

    def share_definitions(self):
        """Keep definitions from changing until the transaction ends."""
        self.execute_sql("SELECT pg_advisory_xact_lock_shared(%s)", (self.definitions_lock,))

    def reshaping(self):
        """Return the transaction in which definitions change."""
        return self.atomic()

    def hold_table(self, name):
        """Keep everybody else from a table until the transaction ends.

        At once with the strongest lock: to ask for it later, while others wait for a weaker one, ends in a deadlock.
        """
        self.execute_sql(f'LOCK TABLE "{name}" IN ACCESS EXCLUSIVE MODE')

    def execute_many(self, sql, rows):
        """Execute a statement with each list of values."""
        self.cursor().executemany(sql, rows)

    def impatient(self):
        """Return a context manager without effect: a write waits here for nobody but the writers of its own row."""
        return nullcontext()

    def violated(self, error):
        """Return (kind, columns or constraint) of an IntegrityError; kind is `unique`, `foreign_key` or `other`."""
        cause = error.orig
        kind = {"23505": "unique", "23503": "foreign_key", "23001": "foreign_key"}.get(cause.sqlstate, "other")
        return kind, cause.diag.constraint_name

    def temporary_reason(self, error):
        """Return in a word why trying again may help, None where it cannot: a lock, no server, a full disk."""
        cause = getattr(error, "orig", None) or error
        return type(cause).__name__ if isinstance(error, OperationalError | InterfaceError) else None

    def is_wrong_shape(self, error):
        """Tell whether a statement named a table or column that is not there."""
        return getattr(error.orig, "sqlstate", None) in ("42P01", "42703")

    @property
    def folding_collation(self):
        """The best collation of this server for folding case beyond ASCII."""
        if not hasattr(self, "_folding_collation"):
            wanted = ("und-x-icu", "pg_c_utf8", "default")  # ICU; built in since Postgres 17; whatever initdb chose
            rows = self.execute_sql("SELECT collname FROM pg_collation WHERE collname = ANY(%s)", (list(wanted),))
            offered = {name for (name,) in rows.fetchall()}
            self._folding_collation = next(name for name in wanted if name in offered)
        return self._folding_collation


def connected():
    """Return the context manager of a block that has a connection: the one there is, or one of its own."""
    return database.connection_context() if database.is_closed() else nullcontext()


def open_database(url, *, synchronous="full", timeout_seconds=5, pool_size=12, slow_seconds=1.0):
    """Point the handle at the database of `url`, closing the one it had; connections are made when first needed."""
    if database.obj is not None:
        database.close_all()
    if url.startswith("sqlite:///"):
        handle = _sqlite(Path(url.removeprefix("sqlite:///")), synchronous, timeout_seconds, pool_size)
    else:
        handle = _postgres(url, timeout_seconds, pool_size)
    handle.slow_seconds = slow_seconds
    database.initialize(handle)


def _sqlite(path, synchronous, timeout_seconds, pool_size):
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # only its owner reads it
    handle = Sqlite(
        str(path),
        pragmas={
            "busy_timeout": timeout_seconds * 1000,
            "journal_mode": "wal",
            "synchronous": synchronous,
            "foreign_keys": 1,
            "cache_size": -16_000,  # KiB for each connection
        },
        timeout=timeout_seconds,  # the wait for a connection of the pool
        lock_type="IMMEDIATE",  # a transaction that reads first could otherwise fail at its first write
        rank_functions=False,
        max_connections=pool_size,
    )
    handle.turn_seconds = timeout_seconds
    handle.register_function(_fold, "larder_fold", 1, deterministic=True)
    # A new file changes to WAL at its first connection, and that waits for nobody whatever the busy_timeout: processes
    # that start at once take turns.
    with open(f"{path}.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with handle.connection_context():
            pass
        handle.close_all()
    return handle


def _fold(text):
    return None if text is None else text.lower()


def _postgres(url, timeout_seconds, pool_size):
    return Postgres(
        url.replace("postgres://", "postgresql://", 1),
        prefer_psycopg3=True,
        prepare_threshold=None,  # a prepared statement breaks for good when a column's type changes
        options=f"-c timezone=UTC -c lock_timeout={timeout_seconds}s",
        connect_timeout=timeout_seconds,
        timeout=timeout_seconds,
        max_connections=pool_size,
        stale_timeout=STALE_CONNECTION_SECONDS,
    )
