"""What Postgres says in its own way."""

from contextlib import nullcontext

from peewee import SQL, Cast, Expression, NodeList, fn

from backend.models.database.postgres_connections import PostgresConnections
from backend.utils.folding import folding_sql


class Postgres(PostgresConnections):
    """Postgres through psycopg 3."""

    field_types = PostgresConnections.field_types | {
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
        first, *rest = folding_sql(self.folding_collation)
        text = Cast(node, "TEXT")
        return NodeList([SQL(first), *(part for each in rest for part in (text, SQL(each)))])

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
        texts = ", ".join(f"""{name} TEXT COLLATE "C" NOT NULL DEFAULT ''""" for name in columns)
        reference = f'REFERENCES "{table}" ("id") ON DELETE CASCADE'
        return [
            f'CREATE TABLE "{words_table}" (id UUID PRIMARY KEY {reference}, {texts})',
            f'CREATE INDEX "{terms_table}" ON "{words_table}" USING GIN (({_vector(columns)}))',
        ]

    def full_text_drops(self, words_table, terms_table):
        """Return the statements that drop both."""
        return [f'DROP TABLE "{words_table}"']

    def full_text_query(self, words, terms_table, every, columns, terms):
        """Return the query of the ids in the Table `words` that have all terms in `columns`, some of `every` column."""
        asked = Cast(terms, "TSQUERY")
        # The index covers every column; what it finds is looked at again where not all of them are searched.
        vectors = [_vector(each) for each in ([every] if columns == every else [every, columns])]
        return words.select(words.c.id).where(*(Expression(SQL(f"({each})"), "@@", asked) for each in vectors))

    def full_text_terms(self, columns, terms):
        """Return what full_text_query takes for these terms: each begins a word of one of the columns."""
        return " & ".join(f"'{term}':*" for term in terms)

    def index_names(self):
        """Return the set of the names of all indexes."""
        return {
            name
            for (name,) in self.execute_sql(
                "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()"
            ).fetchall()
        }

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

    def descendants(self, table, columns):
        """Return the query of the ids in a JSON array and of all rows that lead to them by one of these columns."""
        refers = " OR ".join(f'row__."{name}" = down__.id' for name in columns)
        # OFFSET keeps the planner from reading the whole table at each level of a long, thin chain.
        rows = f'LATERAL (SELECT row__.id FROM "{table}" AS row__ WHERE {refers} OFFSET 0)'
        return (
            "WITH RECURSIVE down__(id) AS (SELECT value::uuid FROM json_array_elements_text(%s::json)"
            f" UNION SELECT found__.id FROM down__ CROSS JOIN {rows} AS found__) SELECT id FROM down__"
        )

    def first_of_each(self, ids, table, first):
        """Return the query of the ids that `first`, a query about `each_wanted`, finds for each of the ids."""
        lateral = SQL('::json) AS "wanted" CROSS JOIN LATERAL')
        parts = (SQL('SELECT "near"."id" FROM json_array_elements_text('), ids, lateral, first, SQL('AS "near"'))
        return NodeList(parts, parens=True)

    each_wanted = SQL('"wanted"."value"::uuid')

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

    def impatient(self):
        """Return a context manager without effect: a write waits here for nobody but the writers of its own row."""
        return nullcontext()

    def violated(self, error):
        """Return (kind, columns or constraint) of an IntegrityError; kind is `unique`, `foreign_key` or `other`."""
        cause = error.orig
        kind = {"23505": "unique", "23503": "foreign_key", "23001": "foreign_key"}.get(cause.sqlstate, "other")
        return kind, cause.diag.constraint_name

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


def open_postgres(url: str, timeout_seconds: float, pool_size: int) -> Postgres:
    """Return a handle of the database at `url`."""
    return Postgres(
        url.replace("postgres://", "postgresql://", 1),
        prefer_psycopg3=True,
        pool_size=pool_size,
        wait_seconds=timeout_seconds,
    )


def _vector(columns):
    """Return the SQL of the words in columns of a table of words as a tsvector; without places it has no gaps."""
    texts = " || ' ' || ".join(columns)
    return f"array_to_tsvector(array_remove(string_to_array({texts}, ' '), ''))"
