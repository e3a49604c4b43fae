"""Words of the full-text search as texts on Postgres, as on SQLite, so that both score them alike."""

import re

from playhouse.migrate import SchemaMigrator

from backend.models.database import Dialect


def up(migrator: SchemaMigrator, db: Dialect) -> None:
    """Make texts of the tsvectors in the tables of words, and index them anew."""
    if db.alters_columns:
        for (table,) in db.execute_sql(
            "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
        ).fetchall():
            if re.fullmatch(r"larder_words_.+_[0-9a-f]{12}", table):
                _convert(db, table)


def _convert(db: Dialect, table: str) -> None:
    index = table.replace("larder_words_", "larder_terms_", 1)
    columns = sorted((each.name for each in db.get_columns(table) if each.name != "id"), key=lambda name: int(name[1:]))
    db.execute_sql(f'DROP INDEX "{index}"')
    for name in columns:
        places = f"unnest({name}) AS word, unnest(word.positions) AS place"
        text = f"(SELECT string_agg(word.lexeme, ' ' ORDER BY place) FROM {places})"
        db.execute_sql(f"""ALTER TABLE "{table}" ADD COLUMN text_{name} TEXT COLLATE "C" NOT NULL DEFAULT ''""")
        db.execute_sql(f"""UPDATE "{table}" SET text_{name} = coalesce({text}, '')""")
        db.execute_sql(f'ALTER TABLE "{table}" DROP COLUMN {name}')
        db.execute_sql(f'ALTER TABLE "{table}" RENAME COLUMN text_{name} TO {name}')
    texts = " || ' ' || ".join(columns)
    vector = f"array_to_tsvector(array_remove(string_to_array({texts}, ' '), ''))"
    db.execute_sql(f'CREATE INDEX "{index}" ON "{table}" USING GIN (({vector}))')
