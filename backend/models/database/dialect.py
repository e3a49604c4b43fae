"""The questions about a database that SQLite and Postgres answer differently."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Literal, NamedTuple, TypeAlias

from peewee import SQL, ColumnBase, Field, IntegrityError, Node, Ordering, Select, Table

from backend.models.database.metering import Metered

Constraint: TypeAlias = Literal["unique", "foreign_key", "other"]


class Violation(NamedTuple):
    """The constraint that a write violated, with the columns of a unique one."""

    kind: Constraint
    columns: tuple[str, ...]


class Dialect(Metered, ABC):
    """A database as its callers know it.

    It inherits the calls of peewee, the pool of connections, and the limits of time. It adds every difference between
    the two databases, so that code outside of this package need not ask which of them is in use. Only code that uses
    the tools of one database, such as a backup, looks at its name.
    """

    name: ClassVar[Literal["sqlite", "postgres"]]
    strict_tables: ClassVar[bool]  # as Meta.strict_tables of a model
    adds_foreign_keys_later: ClassVar[bool]  # by ALTER TABLE, since their target's table must be there first
    has_decimals: ClassVar[bool]  # exact ones; otherwise they are kept as integers of their smallest units
    alters_columns: ClassVar[bool]  # in place; otherwise the table is built again
    drops_with_constraints: ClassVar[str]  # what follows DROP TABLE, so that foreign keys to the table are dropped too

    # Columns and indexes

    @classmethod
    def column_type(cls, column: Field) -> str:
        """Return the SQL type of a column, with its collation."""
        return str(cls.field_types[column.field_type])

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
        """Return the expression of JSON text, or of a JSON column, as a value that json_object() does not quote."""

    @abstractmethod
    def json_boolean(self, column: ColumnBase) -> ColumnBase:
        """Return the expression of a boolean column as JSON's true, false or null."""

    @abstractmethod
    def json_datetime(self, column: ColumnBase) -> ColumnBase:
        """Return the expression of a moment as RFC 3339 text in UTC with microseconds."""

    @abstractmethod
    def json_decimal(self, column: ColumnBase, scale: int) -> ColumnBase:
        """Return the expression of a decimal as text with exactly `scale` fraction digits."""

    @abstractmethod
    def json_text(self, column: ColumnBase) -> ColumnBase:
        """Return the expression of the text that a JSON column holds."""

    @abstractmethod
    def bindable(self, column: ColumnBase) -> ColumnBase:
        """Return the expression of a column's value in a form that JSON can carry and a query can bind again."""

    # Texts and numbers

    @abstractmethod
    def fold(self, node: Node) -> ColumnBase:
        """Return the expression of a text without regard to case."""

    @abstractmethod
    def position(self, text: Node, part: Node) -> ColumnBase:
        """Return the expression of the position of `part` in `text`, from 1; 0 if it does not occur."""

    @abstractmethod
    def exact_sum(self, column: ColumnBase) -> list[ColumnBase]:
        """Return the expressions of an exact sum of integers or decimals, in the parts that sum_of_parts() takes."""

    @abstractmethod
    def sum_of_parts(self, parts: Iterator[Any]) -> Any:
        """Return the sum whose parts are the next values of an iterator; None if there were no values to sum."""

    @abstractmethod
    def typed(self, node: Node, column: Field) -> ColumnBase:
        """Return the expression of a value with the type and the collation of a column."""

    # Queries

    @abstractmethod
    def order(self, column: ColumnBase, descending: bool, nullable: bool) -> Ordering:
        """Return the ORDER BY term that puts NULL last, and that an index still serves."""

    @abstractmethod
    def ids(self, node: Node) -> ColumnBase:
        """Return the query of the ids in a JSON array: one text, however many they are."""

    @abstractmethod
    def descendants(self, table: str, columns: Sequence[str]) -> str:
        """Return the SQL of the ids in a JSON array and of all rows that lead to them by one of these columns.

        It has one place for a value: the array.
        """

    each_wanted: ClassVar[SQL]  # the id that first_of_each() looks at

    @abstractmethod
    def first_of_each(self, ids: Node, table: str, first: Node) -> ColumnBase:
        """Return the query of the ids that `first`, a query about `each_wanted`, finds for each of the ids."""

    # Full-text search

    @abstractmethod
    def full_text_ddl(self, table: str, words_table: str, terms_table: str, columns: Sequence[str]) -> list[str]:
        """Return the statements that create the table of words of the records of `table`, and its index."""

    @abstractmethod
    def full_text_drops(self, words_table: str, terms_table: str) -> list[str]:
        """Return the statements that drop both."""

    @abstractmethod
    def full_text_query(
        self, words: Table, terms_table: str, every: Sequence[str], columns: Sequence[str], terms: Node
    ) -> Select:
        """Return the query of the ids in the Table `words` that have all terms in `columns`, some of `every` column."""

    @abstractmethod
    def full_text_terms(self, columns: Sequence[str], terms: Iterable[str]) -> str:
        """Return what full_text_query() takes for these terms: each begins a word of one of the columns."""

    # Locks

    @abstractmethod
    def lock_for_update(self, query: Select) -> Select:
        """Return `query` with a lock on the rows it reads, until the transaction ends."""

    @abstractmethod
    def lock_definitions(self) -> None:
        """Lock the definitions until the transaction ends: no other transaction changes or shares them."""

    @abstractmethod
    def share_definitions(self) -> None:
        """Keep definitions from changing until the transaction ends; several transactions can do so at once."""

    @abstractmethod
    def lock_migrations(self) -> AbstractContextManager[None]:
        """Return the context manager of a block that only one process at a time may be in, to migrate system tables."""

    @abstractmethod
    def lock_table(self, name: str) -> None:
        """Lock a table against reads and writes of others until the transaction ends."""

    @abstractmethod
    def reshaping(self) -> AbstractContextManager[Any]:
        """Return the context manager of a transaction that changes the tables of resources."""

    @abstractmethod
    def no_wait(self) -> AbstractContextManager[None]:
        """Return the context manager of a block in which a write fails at once if another connection is writing."""

    # Errors

    @abstractmethod
    def violated(self, error: IntegrityError, indexes: Mapping[str, tuple[str, ...]]) -> Violation:
        """Return the constraint that was violated, from the columns of each unique index by the name of the index.

        A unique constraint that is no index among them is taken to be the primary key, `id`.
        """

    @abstractmethod
    def is_wrong_shape(self, error: Exception) -> bool:
        """Tell whether a statement named a table or column that does not exist."""

    @abstractmethod
    def temporary_reason(self, error: Exception) -> str | None:
        """Return why trying again may help, such as a lock, a full disk or a server that is down; None if it cannot."""

    # Upkeep

    @abstractmethod
    def limit_memory(self, number_of_bytes: int) -> None:
        """Limit the memory that queries may use in this process, until it ends."""

    @abstractmethod
    def truncate_log(self, wait_seconds: float) -> None:
        """Give the space of the write-ahead log back to the disk, unless readers still need it after `wait_seconds`."""

    @abstractmethod
    def reclaim_space(self) -> None:
        """Reclaim disk space from deleted rows and refresh the statistics of the planner; blocks writers meanwhile."""

    @abstractmethod
    def seconds_apart(self) -> float:
        """Return how many seconds the clock of the database's server is from the clock of this machine."""
