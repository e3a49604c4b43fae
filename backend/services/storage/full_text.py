"""Full-text search: a table beside that of a resource, with the words of each record's `search` fields.

On SQLite triggers copy it to an FTS5 table, on Postgres it has an index. Texts are split into words and hits are scored
here, so that both databases find the same records in the same order. A record's row is written and deleted with it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add
from typing import Any

from peewee import SQL, Cast, ColumnBase, Expression, Model, NodeList, Select, Table, fn

from backend.models.database import database
from backend.models.records import ROWS_AT_ONCE, column
from backend.services.storage.inserts import insert_rows
from backend.services.storage.listable import Listable
from backend.services.storage.statements import slot
from backend.utils.words import words

MAX_TERMS = 10  # in one search
MAX_RANKED = 10_000  # hits of one search; of more, the latest are ranked
MAX_BYTES = 800_000  # of the words of one record: a tsvector has at most 1 MB
# BM25 with a typical length of 600 characters in place of the average, k1 = 1.2 and b = 0.75.
LEAST_WEIGHT, WEIGHT_OF_CHARACTER = 0.3, 0.0015

Words = Mapping[str, str]  # by the columns of the table of words


def read_terms(text: str) -> tuple[str, ...]:
    """Return the terms of a search: a record must have a word that begins with each of them."""
    return tuple(dict.fromkeys(words(text)))[:MAX_TERMS]


def create_index(name: str, search: Sequence[str], model: type[Model]) -> None:
    """Create the tables for the words of a resource, if it has `search` fields, and fill them from its records."""
    if not search:
        return
    for statement in database.full_text_ddl(name, *table_names(name), _columns(search)):
        database.execute_sql(statement)
    _fill(name, search, model)


def drop_index(name: str, search: Sequence[str]) -> None:
    """Drop the tables that create_index created."""
    if search:
        for statement in database.full_text_drops(*table_names(name)):
            database.execute_sql(statement)


def update_search_index(listable: Listable, records: Mapping[str, Mapping[str, Any]]) -> None:
    """Store the words of records, {id: {field: text}}. The words of fields that are not given stay."""
    if listable.search:
        keep_words(listable, {record_id: words_of(listable, values) for record_id, values in records.items()})


def words_of(listable: Listable, values: Mapping[str, Any]) -> dict[str, str]:
    """Return the words of the given fields, by column of the words table: the slow half of update_search_index."""
    search = listable.search
    given = [(i, name) for i, name in enumerate(search) if name in values]
    return {f"c{i}": _joined_words(values[name], len(search)) for i, name in given}


def keep_words(listable: Listable, records: Mapping[str, Words]) -> None:
    """Store what words_of found in records, {id: words}: the half of update_search_index that writes."""
    rows: dict[tuple[str, ...], list[list[str]]] = {}
    for record_id, found_words in records.items():
        rows.setdefault(tuple(found_words), []).append([record_id, *found_words.values()])
    for columns, values in rows.items():
        if columns:
            _upsert(listable.name, columns, values)


def _upsert(name: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    updates = ", ".join(f"{column} = excluded.{column}" for column in columns)
    insert_rows(table_names(name)[0], ("id", *columns), rows, f"ON CONFLICT (id) DO UPDATE SET {updates}")


def found(listable: Listable, fields: Sequence[str], ranked_terms: int) -> Select:
    """Return the query of the records that have all terms in these of the `search` fields: their `id`.

    It also has their `place`, which is greater for later records, and their `score` by the first `ranked_terms`, the
    best first when ascending; slot_values fills its slots.
    """
    columns = _columns(listable.search, fields)
    words_table, terms_table = table_names(listable.name)
    table = Table(words_table)
    query = database.full_text_query(table, terms_table, _columns(listable.search), columns, slot("terms"))
    return query.select_extend(_score(table, columns, ranked_terms).alias("score")) if ranked_terms else query


def _score(table: Table, columns: Sequence[str], count: int) -> ColumnBase:
    """Return the score of a row of words, less than 0.

    It depends only on how often the terms begin words of the row's own columns, and on their length. The usual weights
    of words by how many other records have them would reveal records that are hidden from the reader.
    """
    spaced = [part for name in columns for part in (SQL("' '"), table.c[name])]
    text = NodeList(spaced, glue=" || ", parens=True)
    weight = Cast(fn.LENGTH(text), "DOUBLE PRECISION") * SQL(str(WEIGHT_OF_CHARACTER)) + SQL(str(LEAST_WEIGHT))
    scores = [_term_score(text, Cast(slot(f"term{i}"), "TEXT"), weight) for i in range(count)]
    return SQL("0") - reduce(add, scores)


def _term_score(text: ColumnBase, term: ColumnBase, weight: Expression) -> Expression:
    places = (fn.LENGTH(text) - fn.LENGTH(fn.REPLACE(text, term, SQL("''")))) / fn.LENGTH(term)
    often = Cast(places, "DOUBLE PRECISION")
    return often / (often + weight)


def slot_values(listable: Listable, fields: Sequence[str], terms: Sequence[str]) -> dict[str, Any]:
    """Return the values of the slots of `found`."""
    columns = _columns(listable.search, fields)
    values: dict[str, Any] = {f"term{i}": f" {term}" for i, term in enumerate(terms)}
    return values | {"terms": database.full_text_terms(columns, terms)}


def _joined_words(text: str | None, field_count: int) -> str:
    return " ".join(words(text or "", MAX_BYTES // field_count))


def _columns(search: Sequence[str], fields: Sequence[str] | None = None) -> list[str]:
    """Return the columns of the table of words that these of the `search` fields have, None for all."""
    return [f"c{i}" for i, name in enumerate(search) if fields is None or name in fields]


def table_names(name: str) -> tuple[str, str]:
    """Return the names of a resource's table of words and of its index on SQLite, short enough for Postgres."""
    suffix = f"{name[:36]}_{hashlib.sha256(name.encode()).hexdigest()[:12]}"
    return f"larder_words_{suffix}", f"larder_terms_{suffix}"


def _fill(name: str, search: Sequence[str], model: type[Model]) -> None:
    key = column(model, "id")
    query = model.select(key, *(column(model, field) for field in search)).order_by(key).limit(ROWS_AT_ONCE)
    columns = _columns(search)
    rows = database.execute(query).fetchall()
    while rows:
        texts = [[str(row[0]), *(_joined_words(text, len(search)) for text in row[1:])] for row in rows]
        _upsert(name, columns, texts)
        rows = database.execute(query.where(key > rows[-1][0])).fetchall()
