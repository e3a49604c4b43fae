"""The interface of both databases: every difference between SQLite and Postgres is a method of it."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Literal, NamedTuple, TypeAlias

from peewee import SQL, ColumnBase, Field, Function, IntegrityError, Node, Ordering, Select, Table

from backend.models.database.arithmetic import Arithmetic
from backend.models.database.feed_sql import FeedSql
from backend.models.database.metering import Metered
from backend.models.database.sums import Sums

Constraint: TypeAlias = Literal["unique", "foreign_key", "check", "other"]

FOLD = "larder_fold"  # the name of the function of Dialect.fold() in SQL


class Violation(NamedTuple):
    """The kind of constraint that a write violated; for a unique one its columns, for a check its name."""

    kind: Constraint
    columns: tuple[str, ...]
    name: str = ""


class Dialect(Metered, ABC):
    """The interface of a database.

    It inherits the methods of peewee, the connection pool and the time limits. It adds a method or attribute for every
    difference between the two databases, so that code outside this package need not check which one is in use. Only
    code that uses the tools of one database, such as a backup, checks its name.
    """

    name: ClassVar[Literal["sqlite", "postgres"]]
    strict_tables: ClassVar[bool]  # as Meta.strict_tables of a model
    adds_foreign_keys_later: ClassVar[bool]  # with ALTER TABLE, because the table of the target must exist
    has_decimals: ClassVar[bool]  # otherwise decimals are stored as integers of their smallest units
    alters_columns: ClassVar[bool]  # in place; otherwise the table is rebuilt
    junction_options: ClassVar[str]  # what follows CREATE TABLE of a junction table
    param: str  # of a statement, in the SQL of peewee
    drops_with_constraints: ClassVar[str]  # what follows DROP TABLE to drop foreign keys to the table, too
    feed: ClassVar[FeedSql]
    skips_rows_quickly: ClassVar[bool] = False  # with OFFSET in a whole table, and counts all rows even more quickly

    # Columns and indexes

    @classmethod
    def column_type(cls, column: Field) -> str:
        """Return the SQL type of a column, with its collation."""
        return str(cls.field_types[column.field_type])

    items_index: ClassVar[str | None]  # what an index of JSON arrays for has_all() covers; None if none serves it

    @abstractmethod
    def index_names(self) -> set[str]:
        """Return the names of all indexes."""

    # Values as JSON

    @abstractmethod
    def json_object(self, pairs: Iterable[tuple[str, Node]]) -> ColumnBase:
        """Return the expression of a JSON object, as text, from (name, expression) pairs."""

    @abstractmethod
    def json_array(self, values: Iterable[Node]) -> ColumnBase:
        """Return the expression of a JSON array, as text, of the values of expressions."""

    @abstractmethod
    def json_value(self, node: Node) -> ColumnBase:
        """Return the expression of JSON text, or of a JSON column, as JSON that json_object() does not quote again."""

    @abstractmethod
    def json_ids(self, ids: Node, place: Node) -> ColumnBase:
        """Return the aggregate of ids as a JSON array, in the order of `place`."""

    @abstractmethod
    def json_boolean(self, column: ColumnBase) -> ColumnBase:
        """Return the expression of a boolean column as JSON's true, false or null."""

    @abstractmethod
    def json_datetime(self, column: ColumnBase) -> ColumnBase:
        """Return the expression of a moment as RFC 3339 text in UTC with microseconds."""

    @abstractmethod
    def json_decimal(self, column: ColumnBase, scale: int, is_wide: bool) -> ColumnBase:
        """Return the expression of a decimal as text with exactly `scale` fraction digits."""

    @abstractmethod
    def json_text(self, column: ColumnBase) -> ColumnBase:
        """Return the expression of a JSON column as text."""

    @abstractmethod
    def json_member(self, document: Node, name: str, column: Field) -> ColumnBase:
        """Return the expression of a member of a JSON object, in the form in which a column stores such values."""

    @abstractmethod
    def bindable(self, column: ColumnBase) -> ColumnBase:
        """Return the expression of a column's value in a form for JSON that a query accepts as a parameter."""

    # Texts and numbers

    def literal(self, value: Any) -> str:
        """Return the SQL of a value as the database stores it, for statements that can have no parameters."""
        if not isinstance(value, str):
            return "NULL" if value is None else str(value)
        # A driver whose parameters are `%s` reads a single `%` as the beginning of one.
        text = value.replace("%", "%%") if self.param.startswith("%") else value
        return "'" + text.replace("'", "''") + "'"

    sums: ClassVar[Sums]

    @property
    @abstractmethod
    def arithmetic(self) -> Arithmetic:
        """The expressions of values that are computed from others."""

    def fold(self, node: Node) -> ColumnBase:
        """Return the expression of a text with its case folded, as str.casefold() does; an index can contain it."""
        return Function(FOLD, (node,))

    @abstractmethod
    def create_functions(self) -> None:
        """Create the functions that indexes contain in the database, unless each connection defines them."""

    @abstractmethod
    def position(self, text: Node, part: Node) -> ColumnBase:
        """Return the expression of the position of `part` in `text`, from 1; 0 if it does not occur."""

    @abstractmethod
    def has_all(self, column: ColumnBase, values: Node) -> ColumnBase:
        """Return the condition that a JSON array has all values of another, which is not empty."""

    @abstractmethod
    def has_any(self, column: ColumnBase, values: Node) -> ColumnBase:
        """Return the condition that a JSON array has at least one value of another."""

    # Dates

    @abstractmethod
    def start_of(self, part: str, column: ColumnBase) -> ColumnBase:
        """Return the expression of the moment, in UTC, at which the `part` of time with a moment begins."""

    @abstractmethod
    def first_day_of(self, part: str, column: ColumnBase) -> ColumnBase:
        """Return the expression of the day on which the `part` of time with a day begins."""

    @abstractmethod
    def typed(self, node: Node, column: Field) -> ColumnBase:
        """Return the expression of a value with the type and the collation of a column."""

    # Queries

    @abstractmethod
    def order(self, column: ColumnBase, descending: bool, nullable: bool) -> Ordering:
        """Return the ORDER BY term that sorts NULL last and can use an index."""

    def in_table_order(self, key: ColumnBase) -> ColumnBase:
        """Return the key of groups in a form by which rows are read in the order of the table, not of an index."""
        return key

    @abstractmethod
    def ids(self, node: Node) -> ColumnBase:
        """Return the query of the ids in a JSON array, which is one parameter for any number of ids."""

    @abstractmethod
    def descendants(self, table: str, columns: Sequence[str]) -> str:
        """Return the SQL of the ids in a JSON array and of all rows that refer to them, directly or not.

        `columns` are the references that are followed. The SQL has one parameter: the array.
        """

    each_wanted: ClassVar[SQL]  # in what first_of_each() and some_of_ids() take: the current id

    @abstractmethod
    def some_of_ids(self, ids: Node, meets: Node) -> ColumnBase:
        """Return the condition that one of the ids in a JSON array, as `each_wanted`, meets the condition `meets`."""

    @abstractmethod
    def first_of_each(self, ids: Node, table: str, first: Node) -> ColumnBase:
        """Return the query of the ids that the query `first` finds when it runs for each of `ids` as `each_wanted`."""

    # Full-text search

    @abstractmethod
    def full_text_ddl(self, table: str, words_table: str, terms_table: str, columns: Sequence[str]) -> list[str]:
        """Return the statements that create `words_table`, with the words of the records of `table`, and its index."""

    @abstractmethod
    def full_text_drops(self, words_table: str, terms_table: str) -> list[str]:
        """Return the statements that drop the words table and its index."""

    @abstractmethod
    def full_text_query(
        self, words: Table, terms_table: str, every: Sequence[str], columns: Sequence[str], terms: Node
    ) -> Select:
        """Return the query of `id` and `place`, greater for later records, of words with all terms in `columns`."""

    @abstractmethod
    def full_text_terms(self, columns: Sequence[str], terms: Iterable[str]) -> str:
        """Return the text of these terms for full_text_query(); each matches the beginning of a word in the columns."""

    # Locks

    def has_failed(self) -> bool:
        """Return whether a statement of the transaction has failed, so that it executes no other one."""
        return False

    @abstractmethod
    def lock_for_update(self, query: Select, *, skip_locked: bool = False) -> Select:
        """Return the query that also locks its rows until the transaction ends, maybe without those of others."""

    @abstractmethod
    def lock_definitions(self) -> None:
        """Lock the definitions until the transaction ends: no other transaction can change or share them."""

    @abstractmethod
    def share_definitions(self) -> None:
        """Prevent changes of definitions until the transaction ends; several transactions can do so at once."""

    @abstractmethod
    def lock_migrations(self) -> AbstractContextManager[None]:
        """Return the context manager of a migration of system tables; only one process at a time can be in it."""

    @abstractmethod
    def lock_table(self, name: str) -> None:
        """Lock a table against reads and writes of other transactions until this one ends."""

    @abstractmethod
    def reading(self) -> AbstractContextManager[Any]:
        """Return the context manager of a transaction that only reads, and sees one state of the database."""

    @abstractmethod
    def reshaping(self) -> AbstractContextManager[Any]:
        """Return the context manager of a transaction that changes the tables of resources."""

    @abstractmethod
    def no_wait(self) -> AbstractContextManager[None]:
        """Return the context manager of a block in which a write fails at once if another connection is writing."""

    @abstractmethod
    def commit_mark(self) -> str:
        """Return a text that stays the same only while no process commits: what is read after it is right till then."""

    # Errors

    @abstractmethod
    def violated(self, error: IntegrityError, indexes: Mapping[str, tuple[str, ...]]) -> Violation:
        """Return the constraint that was violated; `indexes` maps the names of unique indexes to their columns.

        A unique constraint that is not in `indexes` is the primary key, `id`.
        """

    @abstractmethod
    def is_wrong_shape(self, error: Exception) -> bool:
        """Return whether a statement named a table or column that does not exist."""

    @abstractmethod
    def temporary_reason(self, error: Exception) -> str | None:
        """Return the reason if the error is temporary, such as a lock, a full disk or a stopped server; else None."""

    @abstractmethod
    def is_locked(self, error: Exception) -> bool:
        """Return whether another transaction held a lock for longer than a statement could wait."""

    # Upkeep

    @abstractmethod
    def limit_memory(self, number_of_bytes: int) -> None:
        """Limit the memory that queries may use in this process, until it ends."""

    @abstractmethod
    def truncate_log(self, wait_seconds: float) -> None:
        """Truncate the write-ahead log, unless readers still need it after `wait_seconds`."""

    def gather_statistics(self) -> None:
        """Gather the statistics by which statements are planned."""
        self.execute_sql("ANALYZE")

    @abstractmethod
    def reclaim_space(self) -> None:
        """Reclaim disk space from deleted rows and update the planner's statistics; blocks writers while it runs."""

    @abstractmethod
    def seconds_apart(self) -> float:
        """Return the difference, in seconds, between the clocks of the database server and of this machine."""
