"""Full-text search on Postgres: a table of words, and an index of its vectors."""

from collections.abc import Iterable, Sequence

from peewee import SQL, Cast, Expression, Node, Select, Table


class PostgresFullText:
    """The methods of a Dialect for the full-text search."""

    def full_text_ddl(self, table: str, words_table: str, terms_table: str, columns: Sequence[str]) -> list[str]:
        texts = ", ".join(f"""{name} TEXT COLLATE "C" NOT NULL DEFAULT ''""" for name in columns)
        reference = f'REFERENCES "{table}" ("id") ON DELETE CASCADE'
        return [
            f'CREATE TABLE "{words_table}" (id UUID PRIMARY KEY {reference}, {texts})',
            f'CREATE INDEX "{terms_table}" ON "{words_table}" USING GIN (({_vector(columns)}))',
        ]

    def full_text_drops(self, words_table: str, terms_table: str) -> list[str]:
        return [f'DROP TABLE "{words_table}"']

    def full_text_query(
        self, words: Table, terms_table: str, every: Sequence[str], columns: Sequence[str], terms: Node
    ) -> Select:
        query = Cast(terms, "TSQUERY")
        # The index covers every column, so its results are checked again if only some columns are searched.
        vectors = [_vector(names) for names in ([every] if columns == every else [every, columns])]
        ids = words.select(words.c.id, words.c.id.alias("place"))
        return ids.where(*(Expression(SQL(f"({vector})"), "@@", query) for vector in vectors))

    def full_text_terms(self, columns: Sequence[str], terms: Iterable[str]) -> str:
        return " & ".join(f"'{term}':*" for term in terms)


def _vector(columns: Iterable[str]) -> str:
    """Return the SQL of the words in these columns of a words table, as a tsvector without positions."""
    texts = " || ' ' || ".join(columns)
    return f"array_to_tsvector(array_remove(string_to_array({texts}, ' '), ''))"
