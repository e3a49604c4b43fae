"""Full-text search: a table beside that of a resource, with the words of each record's `search` fields.

On SQLite an FTS5 table follows it by triggers, on Postgres it has an index. The words are made and the hits are scored
here, so that both databases find the same in the same order; a record's row is written and deleted with the record.
"""

import hashlib
from functools import reduce
from operator import add

from peewee import SQL, Cast, NodeList, Table, fn

from backend.models.database import database
from backend.models.records import ROWS_AT_ONCE, build_model, column
from backend.services.storage.statements import slot
from backend.utils.words import words

MAX_TERMS = 10  # in one search
MAX_BYTES = 800_000  # of the words of one record: a tsvector has at most 1 MB
# BM25 with a typical length of 600 characters in place of the average, k1 = 1.2 and b = 0.75.
LEAST_WEIGHT, WEIGHT_OF_CHARACTER = 0.3, 0.0015


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
    if resource.definition.search:
        keep_words(resource, {record_id: words_of(resource, values) for record_id, values in records.items()})


def words_of(resource, values: dict) -> dict[str, str]:
    """Return what the table of words holds of the given fields, by its columns: the slow half of write_words."""
    definition = resource.definition
    given = [(i, name) for i, name in enumerate(definition.search) if name in values]
    return {f"c{i}": _told(definition, values[name]) for i, name in given}


def keep_words(resource, records: dict[str, dict[str, str]]) -> None:
    """Keep what words_of found of records, {id: words}: the half of write_words that writes."""
    rows: dict = {}
    for record_id, found_words in records.items():
        rows.setdefault(tuple(found_words), []).append([record_id, *found_words.values()])
    for columns, values in rows.items():
        if columns:
            database.execute_many(_upsert(_names(resource.definition)[0], columns), values)


def _upsert(table, columns):
    places = ", ".join([database.param] * (1 + len(columns)))
    updates = ", ".join(f"{name} = excluded.{name}" for name in columns)
    return (
        f'INSERT INTO "{table}" (id, {", ".join(columns)}) VALUES ({places}) ON CONFLICT (id) DO UPDATE SET {updates}'
    )


def found(resource, fields, ranked):
    """Return the query of the records that have all terms in these of the `search` fields: their `id`.

    It also has their `score` by the first `ranked` terms, the best first when ascending; slot_values fills its slots.
    """
    definition, columns = resource.definition, _columns(resource.definition, fields)
    words_table, terms_table = _names(definition)
    table = Table(words_table)
    query = database.full_text_query(table, terms_table, _columns(definition), columns, slot("terms"))
    return query.select_extend(_score(table, columns, ranked).alias("score")) if ranked else query


def _score(table, columns, count):
    """Return the score of a row of words, less than 0.

    It tells of nothing but how often the terms begin words of the row's own columns, and of their length. The usual
    weights of words by how many other records have them would tell of records that are hidden from the reader.
    """
    spaced = [part for name in columns for part in (SQL("' '"), table.c[name])]
    text = NodeList(spaced, glue=" || ", parens=True)
    weight = Cast(fn.LENGTH(text), "DOUBLE PRECISION") * SQL(str(WEIGHT_OF_CHARACTER)) + SQL(str(LEAST_WEIGHT))
    scores = []
    for i in range(count):
        term = Cast(slot(f"term{i}"), "TEXT")
        often = (fn.LENGTH(text) - fn.LENGTH(fn.REPLACE(text, term, SQL("''")))) / fn.LENGTH(term)
        often = Cast(often, "DOUBLE PRECISION")
        scores.append(often / (often + weight))
    return SQL("0") - reduce(add, scores)


def slot_values(resource, fields, terms):
    """Return the values of the slots of `found`."""
    columns = _columns(resource.definition, fields)
    values = {f"term{i}": f" {term}" for i, term in enumerate(terms)}
    return values | {"terms": database.full_text_terms(columns, terms)}


def _told(definition, text):
    return " ".join(words(text or "", MAX_BYTES // len(definition.search)))


def _columns(definition, fields=None):
    """Return the columns of the table of words that these of the `search` fields have, None for all."""
    return [f"c{i}" for i, name in enumerate(definition.search) if fields is None or name in fields]


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
        database.execute_many(
            statement, [[str(row[0]), *(_told(definition, each) for each in row[1:])] for row in rows]
        )
        rows = database.execute(query.where(key > rows[-1][0])).fetchall()
