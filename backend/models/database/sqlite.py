"""What SQLite says in its own way."""

import fcntl
import re
from contextlib import contextmanager, nullcontext
from pathlib import Path

import structlog
from peewee import SQL, Cast, Expression, NodeList, OperationalError, PeeweeException, Table, fn

from backend.models.database.sqlite_connections import OPEN_EXISTING, SqliteConnections, codes_of, make_private

LEFT_WAL_BYTES = 16 << 20  # of the write-ahead log, once it was moved into the file

log = structlog.get_logger()


class Sqlite(SqliteConnections):
    """SQLite through cysqlite, in WAL mode."""

    field_types = SqliteConnections.field_types | {
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
    adds_foreign_keys_later = False
    alters_columns = False
    drops_with_constraints = ""

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

    def full_text_query(self, words, terms_table, every, columns, terms):
        """Return the query of the ids in the Table `words` that have all terms in `columns`, some of `every` column."""
        # The name of an FTS5 table is a column of it, too: the one to match.
        index = Table(terms_table)
        matched = words.select(words.c.id).join(index, on=(index.c.rowid == words.c.number))
        return matched.where(Expression(index.c[terms_table], "MATCH", terms))

    def full_text_terms(self, columns, terms):
        """Return what full_text_query takes for these terms: each begins a word of one of the columns."""
        wanted = " AND ".join(f'"{term}"*' for term in terms)
        return f"{{{' '.join(columns)}}} : ({wanted})"

    def index_names(self):
        """Return the set of the names of all indexes."""
        return {name for (name,) in self.execute_sql("SELECT name FROM sqlite_master WHERE type = 'index'").fetchall()}

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

    def descendants(self, table, columns):
        """Return the query of the ids in a JSON array and of all rows that lead to them by one of these columns."""
        refers = " OR ".join(f'row__."{name}" = down__.id' for name in columns)
        return (
            "WITH RECURSIVE down__(id) AS (SELECT value FROM json_each(?)"
            f' UNION SELECT row__.id FROM down__ JOIN "{table}" AS row__ ON {refers}) SELECT id FROM down__'
        )

    def first_of_each(self, ids, table, first):
        """Return the query of the ids that `first`, a query about `each_wanted`, finds for each of the ids."""
        near = SQL(f') AS "wanted" CROSS JOIN "{table}" AS "near" WHERE "near"."id" IN')
        return NodeList((SQL('SELECT "near"."id" FROM json_each('), ids, near, first), parens=True)

    each_wanted = SQL('"wanted"."value"')

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
        with self.connection_context() if self.is_closed() else nullcontext():
            try:
                self.pragma("foreign_keys", 0)
                with self.atomic():
                    yield
            finally:
                self._enforce_foreign_keys()

    def _enforce_foreign_keys(self) -> None:
        # What is raised here would hide how the transaction ended: the change may be done.
        try:
            with self._named():
                self.pragma("foreign_keys", 1)
        except PeeweeException as error:
            log.warning("foreign keys not enforced again", reason=codes_of(error)[0])
            self.drop_connection()

    def hold_table(self, name):
        """Keep everybody else from a table until the transaction ends."""

    def violated(self, error):
        """Return (kind, columns or constraint) of an IntegrityError; kind is `unique`, `foreign_key` or `other`."""
        text = str(error)
        if found := re.search(r"UNIQUE constraint failed: (.+?) \(code=", text):
            return "unique", tuple(column.split(".", 1)[1] for column in found[1].split(", "))
        return ("foreign_key" if "FOREIGN KEY constraint failed" in text else "other"), ()

    def is_wrong_shape(self, error):
        """Tell whether a statement named a table or column that is not there."""
        return bool(re.search(r"no such (table|column)", str(error)))


def open_sqlite(path: Path, synchronous: str, timeout_seconds: float, pool_size: int) -> Sqlite:
    """Return a handle of the database in the file at `path`, which is made if it is not there.

    Raises OperationalError where it can be neither opened nor made.
    """
    handle = Sqlite(
        str(path),
        pragmas={
            "journal_mode": "wal",
            "journal_size_limit": LEFT_WAL_BYTES,
            "synchronous": synchronous,
            "foreign_keys": 1,
            "cache_size": -16_000,  # KiB for each connection
        },
        lock_type="IMMEDIATE",  # a transaction that reads first could otherwise fail at its first write
        rank_functions=False,
        pool_size=pool_size,
        wait_seconds=timeout_seconds,
    )
    handle.register_function(_fold, "larder_fold", 1, deterministic=True)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # only its owner reads it
        make_private(Path(f"{path}.lock"))
        # A new file changes to WAL at its first connection, and that waits for nobody whatever the busy_timeout:
        # processes that start at once take turns.
        with open(f"{path}.lock", "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            make_private(path)
            with handle.connection_context():
                pass
            handle.close_all()
    except OSError as error:
        raise OperationalError(f"unable to open database file: {error.strerror}") from error
    handle.connect_params["flags"] = OPEN_EXISTING  # a file that was deleted must not be replaced by an empty one
    return handle


def _fold(text):
    return None if text is None else text.casefold()
