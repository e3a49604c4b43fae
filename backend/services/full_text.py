"""Full-text search: a table beside that of a resource, with the words of each record's `search` fields.

On SQLite an FTS5 table follows it by triggers, on Postgres it holds tsvectors with an index. The words are made here,
so that both databases find the same; a record's row is written with the record and goes with it.
"""

import hashlib

from backend.models.database import database
from backend.models.records import build_model, column
from backend.services.statements import slot
from backend.services.surveys import ROWS_AT_ONCE
from backend.utils.words import words

MAX_TERMS = 10  # in one search


def read_terms(text):
    """Return the terms of a search: the words that a record must have, each to begin one of its own."""
    return tuple(dict.fromkeys(words(text)))[:MAX_TERMS]


def create_index(definition):
    """Create the tables for the words, if the definition has `search`, and fill them from the records there are."""
    if not definition.search:
        return
    for statement in database.full_text_ddl(definition.name, *_names(definition), _columns(definition)):
        database.execute_sql(statement)
    _fill(definition)


def drop_index(definition):
    """Drop what create_index made; the definition is the one in force then."""
    if definition.search:
        for statement in database.full_text_drops(*_names(definition)):
            database.execute_sql(statement)


def is_concerned(change):
    """Tell whether a Change of a definition leaves other words behind."""
    before = [change.origins.get(name) for name in change.new.search]
    moved = {*change.converted, *change.defaults, *(name for name, _ in change.renamed)}
    return before != change.old.search or change.old.name != change.new.name or bool(moved & {*change.new.search})


def write_words(resource, records):
    """Keep the words of records in step: {id: {field: text}}; fields that are not given keep theirs."""
    definition = resource.definition
    if not definition.search:
        return
    rows = {}
    for record_id, values in records.items():
        given = tuple((i, name) for i, name in enumerate(definition.search) if name in values)
        rows.setdefault(tuple(i for i, _ in given), []).append([record_id, *(_told(values[name]) for _, name in given)])
    for columns, values in rows.items():
        if columns:
            database.execute_many(_upsert(_names(definition)[0], [f"c{i}" for i in columns]), values)


def _upsert(table, columns):
    places = ", ".join([database.param] * (1 + len(columns)))
    updates = ", ".join(f"{name} = excluded.{name}" for name in columns)
    return (
        f'INSERT INTO "{table}" (id, {", ".join(columns)}) VALUES ({places}) ON CONFLICT (id) DO UPDATE SET {updates}'
    )


def found(resource, fields):
    """Return the query of the ids that have all terms in the slot `terms`, in these of the `search` fields.

    Its columns are `id` and `score`, the best first when ascending.
    """
    columns = [f"c{i}" for i, name in enumerate(resource.definition.search) if name in fields]
    return database.full_text_query(*_names(resource.definition), columns, slot("terms"))


def terms_value(resource, fields, terms):
    """Return what the slot `terms` takes."""
    columns = [f"c{i}" for i, name in enumerate(resource.definition.search) if name in fields]
    return database.full_text_terms(columns, terms)


def _told(text):
    return database.full_text_value(words(text or ""))


def _columns(definition):
    return [f"c{i}" for i in range(len(definition.search))]


def _names(definition):
    """Return the names of the table of words and of its index on SQLite, short enough for Postgres."""
    digest = hashlib.sha256(definition.name.encode()).hexdigest()[:12]
    return tuple(f"larder_{kind}_{definition.name[:36]}_{digest}" for kind in ("words", "terms"))


def _fill(definition):
    model = build_model(definition, database.obj)
    key = column(model, "id")
    query = model.select(key, *(column(model, name) for name in definition.search)).order_by(key).limit(ROWS_AT_ONCE)
    statement = _upsert(_names(definition)[0], _columns(definition))
    rows = database.execute(query).fetchall()
    while rows:
        database.execute_many(statement, [[str(row[0]), *map(_told, row[1:])] for row in rows])
        rows = database.execute(query.where(key > rows[-1][0])).fetchall()
