"""The Dialect of Postgres."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cached_property
from typing import Any

from peewee import (
    SQL,
    Cast,
    ColumnBase,
    Expression,
    Field,
    Node,
    NodeList,
    Ordering,
    Select,
    fn,
)

from backend.models.database.dialect import FOLD
from backend.models.database.postgres_arithmetic import PostgresArithmetic
from backend.models.database.postgres_connections import PostgresConnections
from backend.models.database.postgres_errors import PostgresErrors
from backend.models.database.postgres_full_text import PostgresFullText
from backend.models.database.postgres_sums import PostgresSums
from backend.utils.folding import folding_sql

# Arbitrary numbers of advisory locks.
DEFINITIONS_LOCK = 0x1A4DE4
MIGRATIONS_LOCK = 0x1A4DE5

MAX_ARGUMENTS = 100  # of a function


class Postgres(PostgresErrors, PostgresFullText, PostgresConnections):
    """Postgres through psycopg 3."""

    name = "postgres"

    field_types = PostgresConnections.field_types | {
        # The C collation compares bytes, as SQLite does: both databases sort alike, and prefixes can use an index.
        "LARDER_TEXT": 'TEXT COLLATE "C"',
        "LARDER_INTEGER": "BIGINT",
        "LARDER_FLOAT": "DOUBLE PRECISION",
        "LARDER_BOOLEAN": "BOOLEAN",
        "LARDER_DECIMAL": "NUMERIC",
        "LARDER_DATE": "DATE",
        "LARDER_TIME": "TIME",
        "LARDER_DATETIME": "TIMESTAMPTZ",
        "LARDER_JSON": "JSON",  # not JSONB, so that the text is stored unchanged, as on SQLite
        "LARDER_UUID": "UUID",
    }
    strict_tables = False
    adds_foreign_keys_later = True  # the table of the target must exist
    has_decimals = True
    alters_columns = True
    junction_options = ""
    items_index = 'USING gin (larder_items("{}"))'
    drops_with_constraints = " CASCADE"  # of the foreign keys that refer to the table
    sums = PostgresSums()

    def index_names(self) -> set[str]:
        found = self.execute_sql("SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()")
        return {name for (name,) in found.fetchall()}

    def json_object(self, pairs: Iterable[tuple[str, Node]]) -> ColumnBase:
        # json_build_object accepts at most 50 pairs; row_to_json has no such limit.
        columns = NodeList([NodeList((value, SQL(f'AS "{name}"'))) for name, value in pairs], glue=", ")
        # No field name contains a double underscore, so the alias cannot shadow a field.
        return NodeList((SQL("(SELECT row_to_json(row__)::text FROM (SELECT"), columns, SQL(") AS row__)")))

    def json_array(self, values: Iterable[Node]) -> ColumnBase:
        listed = [*values]
        if len(listed) <= MAX_ARGUMENTS:
            return Cast(fn.json_build_array(*listed), "TEXT")
        # A resource may have more fields than a function takes arguments.
        elements = NodeList([fn.to_json(value) for value in listed], glue=", ")
        return Cast(fn.array_to_json(NodeList((SQL("ARRAY["), elements, SQL("]")))), "TEXT")

    def json_value(self, node: Node) -> ColumnBase:
        return Cast(node, "JSON")

    def json_ids(self, ids: Node, place: Node) -> ColumnBase:
        # json_agg() would put spaces between them.
        joined = fn.string_agg(Cast(ids, "TEXT"), NodeList((SQL("""'","' ORDER BY"""), place)))
        return fn.COALESCE(SQL("""'["'""").concat(joined).concat(SQL("""'"]'""")), SQL("'[]'"))

    def json_boolean(self, column: ColumnBase) -> ColumnBase:
        return column

    def json_datetime(self, column: ColumnBase) -> ColumnBase:
        return fn.to_char(fn.timezone(SQL("'UTC'"), column), SQL("""'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'"""))

    def json_decimal(self, column: ColumnBase, scale: int, is_wide: bool) -> ColumnBase:
        return Cast(column, "TEXT")

    def json_text(self, column: ColumnBase) -> ColumnBase:
        return Cast(column, "TEXT")

    def json_member(self, document: Node, name: str, column: Field) -> ColumnBase:
        arrow = "->" if column.field_type == "LARDER_JSON" else "->>"
        return self.typed(Expression(document, arrow, SQL(f"'{name}'")), column)

    def bindable(self, column: ColumnBase) -> ColumnBase:
        return Cast(column, "TEXT")

    def create_functions(self) -> None:
        # In PL/pgSQL, because a function in SQL would be planned anew for each value of a list.
        folded = f"BEGIN RETURN {folding_sql('$1', self.folding_collation)}; END"
        # An array, because the planner knows how often a value occurs in arrays, but not in JSON.
        items = "SELECT ARRAY(SELECT pg_catalog.json_array_elements_text($1))"
        for declared, body in (
            (f"{FOLD} (text) RETURNS text LANGUAGE plpgsql", folded),
            ("larder_items (json) RETURNS text[] LANGUAGE sql", items),
        ):
            kind = "IMMUTABLE STRICT PARALLEL SAFE"
            self.execute_sql(f"CREATE OR REPLACE FUNCTION {declared} {kind} AS $body${body}$body$")

    def position(self, text: Node, part: Node) -> ColumnBase:
        return fn.strpos(text, part)

    def has_all(self, column: ColumnBase, values: Node) -> ColumnBase:
        return Expression(_items(column), "@>", _items(values))

    def has_any(self, column: ColumnBase, values: Node) -> ColumnBase:
        return Expression(_items(column), "&&", _items(values))

    def start_of(self, part: str, column: ColumnBase) -> ColumnBase:
        return fn.date_trunc(SQL(f"'{part}'"), column, SQL("'UTC'"))

    def first_day_of(self, part: str, column: ColumnBase) -> ColumnBase:
        # Without the cast to a TIMESTAMP, the time zone of the session would matter.
        return Cast(fn.date_trunc(SQL(f"'{part}'"), Cast(column, "TIMESTAMP")), "DATE")

    def order(self, column: ColumnBase, descending: bool, nullable: bool) -> Ordering:
        # Postgres sorts NULL last when ascending, so the plain term suffices and can use an index.
        return column.desc(nulls="LAST") if descending and nullable else column.desc() if descending else column.asc()

    def ids(self, node: Node) -> ColumnBase:
        return NodeList((SQL("SELECT value::uuid FROM json_array_elements_text("), node, SQL("::json)")), parens=True)

    def descendants(self, table: str, columns: Sequence[str]) -> str:
        refers = " OR ".join(f'row__."{name}" = down__.id' for name in columns)
        # OFFSET 0 prevents a plan that reads the whole table at each level of a long chain.
        rows = f'LATERAL (SELECT row__.id FROM "{table}" AS row__ WHERE {refers} OFFSET 0)'
        return (
            "WITH RECURSIVE down__(id) AS (SELECT value::uuid FROM json_array_elements_text(%s::json)"
            f" UNION SELECT found__.id FROM down__ CROSS JOIN {rows} AS found__) SELECT id FROM down__"
        )

    def first_of_each(self, ids: Node, table: str, first: Node) -> ColumnBase:
        lateral = SQL('::json) AS "wanted" CROSS JOIN LATERAL')
        parts = (SQL('SELECT "near"."id" FROM json_array_elements_text('), ids, lateral, first, SQL('AS "near"'))
        return NodeList(parts, parens=True)

    def some_of_ids(self, ids: Node, meets: Node) -> ColumnBase:
        head, where = SQL("EXISTS (SELECT 1 FROM json_array_elements_text("), SQL('::json) AS "wanted" WHERE')
        return NodeList((head, ids, where, meets, SQL(")")))

    each_wanted = SQL('"wanted"."value"::uuid')

    def typed(self, node: Node, column: Field) -> ColumnBase:
        sql_type, collate, collation = self.field_types[column.field_type].partition(" COLLATE ")
        return NodeList((Cast(node, sql_type), SQL(collate + collation)))

    def lock_for_update(self, query: Select, *, skip_locked: bool = False) -> Select:
        return query.for_update(skip_locked=skip_locked)

    def lock_definitions(self) -> None:
        self.execute_sql("SELECT pg_advisory_xact_lock(%s)", (DEFINITIONS_LOCK,))

    def share_definitions(self) -> None:
        self.send_ahead("SELECT pg_advisory_xact_lock_shared(%s)", (DEFINITIONS_LOCK,))

    @contextmanager
    def lock_migrations(self) -> Iterator[None]:
        self.execute_sql("SET lock_timeout = 0")  # a migration in another process may take long
        self.execute_sql("SELECT pg_advisory_lock(%s)", (MIGRATIONS_LOCK,))
        try:
            yield
        finally:
            self.execute_sql("SELECT pg_advisory_unlock(%s)", (MIGRATIONS_LOCK,))
            self.drop_connection()  # with its lock_timeout

    @contextmanager
    def reading(self) -> Iterator[None]:
        with self.atomic():
            self.send_ahead("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield

    def reshaping(self) -> AbstractContextManager[Any]:
        return self.atomic()

    def lock_table(self, name: str) -> None:
        # Take the strongest lock at once: upgrading a weaker lock while others wait for it ends in a deadlock.
        self.execute_sql(f'LOCK TABLE "{name}" IN ACCESS EXCLUSIVE MODE')

    def no_wait(self) -> AbstractContextManager[None]:
        return nullcontext()  # on Postgres a write waits only for other writers of the same row

    def truncate_log(self, wait_seconds: float) -> None:
        pass  # the server does it

    def reclaim_space(self) -> None:
        self.execute_sql("VACUUM (ANALYZE)")

    def seconds_apart(self) -> float:
        (server_time,) = self.execute_sql("SELECT extract(epoch FROM clock_timestamp())::float").fetchone()
        return abs(float(server_time) - time.time())

    @cached_property
    def arithmetic(self) -> PostgresArithmetic:
        return PostgresArithmetic(lambda: self.folding_collation)

    @cached_property
    def folding_collation(self) -> str:
        """The best collation of this server for folding the case of all letters."""
        # ICU; built in since Postgres 17; the default of the cluster
        candidates = ("und-x-icu", "pg_c_utf8", "default")
        rows = self.execute_sql("SELECT collname FROM pg_collation WHERE collname = ANY(%s)", (list(candidates),))
        offered = {name for (name,) in rows.fetchall()}
        return next(name for name in candidates if name in offered)


def open_postgres(url: str, timeout_seconds: float, pool_size: int) -> Postgres:
    """Return a handle of the database at `url`."""
    return Postgres(
        url.replace("postgres://", "postgresql://", 1),
        prefer_psycopg3=True,
        pool_size=pool_size,
        wait_seconds=timeout_seconds,
    )


def _items(node: Node) -> ColumnBase:
    """Return the expression of the values in a JSON array, as an array of texts."""
    return fn.larder_items(Cast(node, "JSON"))
