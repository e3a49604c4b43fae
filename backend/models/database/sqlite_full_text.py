"""Full-text search on SQLite: a table of words, and an FTS5 index that triggers keep up to date."""

from collections.abc import Iterable, Sequence

from peewee import Expression, Node, Select, Table


class SqliteFullText:
    """The methods of a Dialect for the full-text search."""

    inserts_many = True  # the full-text index is written to its pages for each statement

    def full_text_ddl(self, table: str, words_table: str, terms_table: str, columns: Sequence[str]) -> list[str]:
        listed, new, old = (", ".join(prefix + name for name in columns) for prefix in ("", "new.", "old."))
        texts = ", ".join(f"{name} TEXT NOT NULL DEFAULT ''" for name in columns)
        # The words are normalized already. This tokenizer treats every character beyond ASCII as part of a word.
        fts5 = f"fts5({listed}, content='{words_table}', content_rowid='number', tokenize='ascii')"
        add = f'INSERT INTO "{terms_table}" (rowid, {listed}) VALUES (new.number, {new});'
        deleted = f"('delete', old.number, {old})"
        remove = f'INSERT INTO "{terms_table}" ("{terms_table}", rowid, {listed}) VALUES {deleted};'
        keys = f'number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE REFERENCES "{table}" ("id") ON DELETE CASCADE'
        return [
            f'CREATE TABLE "{words_table}" ({keys}, {texts}) STRICT',
            f'CREATE VIRTUAL TABLE "{terms_table}" USING {fts5}',
            f'CREATE TRIGGER "{words_table}_i" AFTER INSERT ON "{words_table}" BEGIN {add} END',
            f'CREATE TRIGGER "{words_table}_d" AFTER DELETE ON "{words_table}" BEGIN {remove} END',
            f'CREATE TRIGGER "{words_table}_u" AFTER UPDATE ON "{words_table}" BEGIN {remove} {add} END',
        ]

    def full_text_drops(self, words_table: str, terms_table: str) -> list[str]:
        return [f'DROP TABLE "{terms_table}"', f'DROP TABLE "{words_table}"']

    def full_text_query(
        self, words: Table, terms_table: str, every: Sequence[str], columns: Sequence[str], terms: Node
    ) -> Select:
        # An FTS5 table has a hidden column of its own name, for MATCH.
        index = Table(terms_table)
        # An outer join is left out where nothing of its table is needed: a count reads the index alone.
        matched = index.select(words.c.id, index.c.rowid.alias("place"))
        matched = matched.left_outer_join(words, on=(index.c.rowid == words.c.number))
        return matched.where(Expression(index.c[terms_table], "MATCH", terms))

    def full_text_terms(self, columns: Sequence[str], terms: Iterable[str]) -> str:
        query = " AND ".join(f'"{term}"*' for term in terms)
        return f"{{{' '.join(columns)}}} : ({query})"
