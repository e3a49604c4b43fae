"""The Dialect of SQLite."""

import fcntl
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import structlog
from peewee import (
    SQL,
    Case,
    Cast,
    ColumnBase,
    Expression,
    Field,
    Node,
    NodeList,
    OperationalError,
    Ordering,
    PeeweeException,
    Select,
    fn,
)

from backend.models.database import sqlite_expressions as expressions
from backend.models.database.commit_watch import WatchedSqlite
from backend.models.database.feed_sql import SQLITE_FEED
from backend.models.database.sqlite_arithmetic import SqliteArithmetic, register_functions
from backend.models.database.sqlite_connections import SqliteConnections, make_private
from backend.models.database.sqlite_errors import SqliteErrors, codes_of
from backend.models.database.sqlite_full_text import SqliteFullText
from backend.models.database.sqlite_log import OPEN_EXISTING
from backend.models.database.sqlite_plans import SqlitePlans
from backend.models.database.sqlite_sums import SqliteSums

RECLAIM_WAIT_SECONDS = 1  # for readers of the write-ahead log, after VACUUM
KEPT_STATEMENTS = 256  # of each connection, some 5 to 15 KB each
KEPT_WAL_BYTES = 16 << 20  # size of the write-ahead log that is kept after a checkpoint

log = structlog.get_logger()


class Sqlite(SqliteErrors, SqliteFullText, SqlitePlans, WatchedSqlite):
    """SQLite through cysqlite, in WAL mode."""

    name = "sqlite"

    field_types = SqliteConnections.field_types | {
        "LARDER_TEXT": "TEXT",
        "LARDER_INTEGER": "INTEGER",
        "LARDER_FLOAT": "REAL",
        "LARDER_BOOLEAN": "INTEGER",
        "LARDER_DECIMAL": "INTEGER",
        "LARDER_WIDE_DECIMAL": "TEXT",
        "LARDER_DATE": "TEXT",
        "LARDER_TIME": "TEXT",
        "LARDER_DATETIME": "TEXT",
        "LARDER_JSON": "TEXT",
        "LARDER_UUID": "TEXT",
    }
    strict_tables = True  # otherwise SQLite does not check types
    adds_foreign_keys_later = False
    has_decimals = False
    alters_columns = False
    junction_options = " STRICT, WITHOUT ROWID"
    items_index = None
    skips_rows_quickly = True
    drops_with_constraints = ""
    feed = SQLITE_FEED
    arithmetic = SqliteArithmetic()
    sums = SqliteSums()

    def index_names(self) -> set[str]:
        return {name for (name,) in self.execute_sql("SELECT name FROM sqlite_master WHERE type = 'index'").fetchall()}

    def json_object(self, pairs: Iterable[tuple[str, Node]]) -> ColumnBase:
        return fn.json_object(*(part for name, value in pairs for part in (SQL(f"'{name}'"), value)))

    def json_array(self, values: Iterable[Node]) -> ColumnBase:
        return fn.json_array(*values)

    def json_value(self, node: Node) -> ColumnBase:
        return fn.json(node)

    def json_ids(self, ids: Node, place: Node) -> ColumnBase:
        return fn.json_group_array(NodeList((ids, SQL("ORDER BY"), place)))

    def json_boolean(self, column: ColumnBase) -> ColumnBase:
        return fn.json(Case(None, [(column, SQL("'true'")), (column.is_null(False), SQL("'false'"))], None))

    def json_datetime(self, column: ColumnBase) -> ColumnBase:
        return column  # stored as such a text

    def json_decimal(self, column: ColumnBase, scale: int, is_wide: bool) -> ColumnBase:
        return expressions.text_of_wide_decimal(column) if is_wide else expressions.text_of_decimal(column, scale)

    def json_text(self, column: ColumnBase) -> ColumnBase:
        return column

    def json_member(self, document: Node, name: str, column: Field) -> ColumnBase:
        arrow = "->" if column.field_type == "LARDER_JSON" else "->>"
        member: ColumnBase = Expression(document, arrow, SQL(f"'{name}'"))
        if column.field_type == "LARDER_DECIMAL":  # text with all its fraction digits
            member = fn.REPLACE(member, SQL("'.'"), SQL("''"))
        return self.typed(member, column)

    def bindable(self, column: ColumnBase) -> ColumnBase:
        return column

    def create_functions(self) -> None:
        pass  # see sqlite_arithmetic.py

    def position(self, text: Node, part: Node) -> ColumnBase:
        return fn.instr(text, part)

    def has_all(self, column: ColumnBase, values: Node) -> ColumnBase:
        return expressions.has_all(column, values)

    def has_any(self, column: ColumnBase, values: Node) -> ColumnBase:
        return expressions.has_any(column, values)

    def start_of(self, part: str, column: ColumnBase) -> ColumnBase:
        return expressions.start_of(part, column)

    def first_day_of(self, part: str, column: ColumnBase) -> ColumnBase:
        return expressions.first_day_of(part, column)

    def order(self, column: ColumnBase, descending: bool, nullable: bool) -> Ordering:
        # SQLite sorts NULL first, so a descending order has it last already and can use an index.
        return column.desc() if descending else column.asc(nulls="LAST") if nullable else column.asc()

    def in_table_order(self, key: ColumnBase) -> ColumnBase:
        return NodeList((SQL("+"), key), glue="")

    def ids(self, node: Node) -> ColumnBase:
        return NodeList((SQL("SELECT value FROM json_each("), node, SQL(")")), parens=True)

    def descendants(self, table: str, columns: Sequence[str]) -> str:
        refers = " OR ".join(f'row__."{name}" = down__.id' for name in columns)
        return (
            "WITH RECURSIVE down__(id) AS (SELECT value FROM json_each(?)"
            f' UNION SELECT row__.id FROM down__ JOIN "{table}" AS row__ ON {refers}) SELECT id FROM down__'
        )

    def first_of_each(self, ids: Node, table: str, first: Node) -> ColumnBase:
        near = SQL(f') AS "wanted" CROSS JOIN "{table}" AS "near" WHERE "near"."id" IN')
        return NodeList((SQL('SELECT "near"."id" FROM json_each('), ids, near, first), parens=True)

    def some_of_ids(self, ids: Node, meets: Node) -> ColumnBase:
        return NodeList((SQL("EXISTS (SELECT 1 FROM json_each("), ids, SQL(') AS "wanted" WHERE'), meets, SQL(")")))

    each_wanted = SQL('"wanted"."value"')

    def typed(self, node: Node, column: Field) -> ColumnBase:
        return Cast(node, self.field_types[column.field_type])

    def lock_for_update(self, query: Select, *, skip_locked: bool = False) -> Select:
        return query  # BEGIN IMMEDIATE has taken the only write lock

    def lock_definitions(self) -> None:
        pass  # BEGIN IMMEDIATE has taken the only write lock

    def share_definitions(self) -> None:
        pass  # see lock_definitions

    def lock_table(self, name: str) -> None:
        pass  # see lock_definitions

    @contextmanager
    def lock_migrations(self) -> Iterator[None]:
        with open(f"{self.database}.lock", "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def reading(self) -> AbstractContextManager[Any]:
        return self.atomic("DEFERRED")

    @contextmanager
    def reshaping(self) -> Iterator[None]:
        """Return the context manager of a transaction that changes definitions; it does not enforce foreign keys.

        If it did, rebuilding a table would delete the rows that refer to it. Within another transaction foreign keys
        stay enforced, because SQLite can switch that only between transactions.
        """
        with self.connection_context() if self.is_closed() else nullcontext():
            try:
                self.pragma("foreign_keys", 0)
                with self.atomic():
                    yield
            finally:
                self._enforce_foreign_keys()

    def _enforce_foreign_keys(self) -> None:
        # An error here would hide that the transaction may have been committed.
        try:
            with self._translated_errors():
                self.pragma("foreign_keys", 1)
        except PeeweeException as error:
            log.warning("foreign keys not enforced again", reason=codes_of(error).text)
            self.drop_connection()

    def reclaim_space(self) -> None:
        self.execute_sql("VACUUM")
        self.gather_statistics()
        self.truncate_log(RECLAIM_WAIT_SECONDS)  # it contains a copy of the whole database

    def seconds_apart(self) -> float:
        return 0.0


def open_file(path: Path) -> Sqlite:
    """Open a database file that no other process has open, such as a copy."""
    handle = Sqlite(str(path))
    register_functions(handle.register_function)
    return handle


def open_sqlite(path: Path, synchronous: str, timeout_seconds: float, pool_size: int) -> Sqlite:
    """Open the database file at `path`, and create it if it is missing.

    Raises OperationalError if it can be neither opened nor created.
    """
    handle = Sqlite(
        str(path),
        pragmas={
            "journal_mode": "wal",
            "journal_size_limit": KEPT_WAL_BYTES,
            "synchronous": "normal",  # see syncs_commits
            "wal_autocheckpoint": 0,  # see sqlite_log.py
            "foreign_keys": 1,
            "cache_size": -16_000,  # KiB for each connection
        },
        lock_type="IMMEDIATE",  # otherwise a transaction that reads first could fail at its first write
        rank_functions=False,
        cached_statements=KEPT_STATEMENTS,
        pool_size=pool_size,
        wait_seconds=timeout_seconds,
    )
    handle.syncs_commits = synchronous == "full"
    register_functions(handle.register_function)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # only its owner can read it
        make_private(Path(f"{path}.lock"))
        # A new file is switched to WAL by its first connection. This ignores the busy_timeout, so processes that start
        # at the same time take turns.
        with open(f"{path}.lock", "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            make_private(path)
            with handle.connection_context():
                pass
            handle.close_all()
    except OSError as error:
        raise OperationalError(f"unable to open database file: {error.strerror}") from error
    handle.connect_params["flags"] = OPEN_EXISTING  # a deleted file must not be replaced with an empty one
    return handle
