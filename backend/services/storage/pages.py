"""Reads a page of a list, with SQL that writes the JSON of the records."""

from collections.abc import Sequence
from functools import reduce
from typing import Any, NamedTuple

from peewee import SQL, Case, ColumnBase, Select, fn

from backend.models.database import database
from backend.services.storage import ordering
from backend.services.storage.answer_sizes import if_within, size_of, sized
from backend.services.storage.conditions import EVERY_ROW
from backend.services.storage.full_text import MAX_RANKED
from backend.services.storage.listable import Listable, Shown
from backend.services.storage.ordering import Key, Part
from backend.services.storage.row_texts import bindable, in_one_row, select_named, split_texts
from backend.services.storage.selections import Selection
from backend.services.storage.statements import Values, slot


class PageShape(NamedTuple):
    """What decides the SQL text of a page, in addition to its Selection.

    `link_fields` are fields whose values are read in addition to the JSON. `nulls` says which sort keys of the row
    before the page are null; it is None for a page by number. `limit` is how many rows are read. `is_measured` says
    whether records are measured before their JSON is written. `share` is how many bytes each may have otherwise; None
    for any number. `shown` are the fields of which not all links are shown. With `as_arrays`, the JSON of a record is
    an array of its values. `skips` says whether there are rows before a page by number.
    """

    sort: tuple[tuple[str, bool], ...]
    fields: tuple[str, ...] | None
    link_fields: tuple[str, ...]
    nulls: tuple[bool, ...] | None
    limit: int
    is_measured: bool
    shown: Shown = ()
    as_arrays: bool = False
    skips: bool = False
    share: int | None = None


class PageRows(NamedTuple):
    """The rows of a page: for each its JSON, JSON arrays of its sort keys and link values, and its size if measured.

    There is one row more than `per_page` if another page follows. If they are measured, `records` has only the first
    ones, those that together have at most the number of bytes in the slot `most`. With a share, those that have more
    bytes are left out.
    """

    records: list[str]
    keys: list[str]
    link_values: list[str]
    sizes: list[int]


def read_page(listable: Listable, selection: Selection, shape: PageShape, values: Values) -> PageRows:
    """Return the rows of a page; `values` also fills the slots `reach`, `most`, and `offset` or `after…`."""
    ((records, keys, *others),) = listable.run(_select_page, selection, shape, values=values)
    sizes = [int(size) for size in split_texts(others.pop())] if shape.is_measured else []
    link_values = split_texts(others.pop()) if shape.link_fields else []
    return PageRows(split_texts(records), split_texts(keys), link_values, sizes)


def size_of_page(listable: Listable, selection: Selection, shape: PageShape, values: Values) -> int:
    """Return about how many bytes the JSON of the rows of a page has together, without writing it."""
    ((size,),) = listable.run(_select_size, selection.unranked, shape, values=values)
    return int(size or 0)


def _select_size(listable: Listable, selection: Selection, shape: PageShape) -> Select:
    keys = ordering.order_keys(listable, ordering.total_order(shape.sort))
    picked = _pick(listable, selection, ordering.parts(keys, shape.nulls), shape).alias("picked")
    size = fn.SUM(size_of(listable, shape.fields, shape.shown))
    return listable.model.select(size).join(picked, on=(picked.c.id == listable.column("id")))


def _select_page(listable: Listable, selection: Selection, shape: PageShape) -> Select:
    """Return the query of PageRows in one row."""
    keys = ordering.order_keys(listable, ordering.total_order(shape.sort))
    parts = ordering.parts(keys, shape.nulls)
    texts = _texts(listable, shape, keys)
    # Postgres would write the JSON of the rows that are skipped.
    if selection.is_everything and len(keys) == 1 and not shape.is_measured and not shape.skips:
        return in_one_row(listable, _rows_by_own_key(listable, texts, parts[0], shape), texts)
    picked = _pick(listable, selection, parts, shape).alias("picked")
    terms = [key.term for key in keys]
    if shape.is_measured:
        picked = sized(listable, picked, shape.fields, shape.shown, terms, is_ranked=selection.is_ranked)
        texts |= if_within(picked, texts["record"])
    best_first = [picked.c.score] if selection.is_ranked else []
    rows = select_named(listable, texts).join(picked, on=(picked.c.id == listable.column("id")))
    return in_one_row(listable, rows.order_by(*best_first, *terms), texts)


def _texts(listable: Listable, shape: PageShape, keys: list[Key]) -> dict[str, ColumnBase]:
    record = listable.json(shape.fields, shape.shown, as_array=shape.as_arrays)
    if shape.share is not None:
        record = Case(None, [(size_of(listable, shape.fields, shape.shown) <= SQL(str(shape.share)), record)], None)
    texts = {
        "record": record,
        "keys": database.json_array(bindable(key.column for key in keys)),
    }
    if shape.link_fields:
        texts["link_values"] = database.json_array(listable.link_values(shape.link_fields))
    return texts


def _rows_by_own_key(listable: Listable, texts: dict[str, ColumnBase], part: Part, shape: PageShape) -> Select:
    """Return the query of the rows in the order of the primary key: no sort is needed."""
    rows = select_named(listable, texts).where(EVERY_ROW, *part.conditions).order_by(*part.terms)
    return _limited(rows, shape)


def _pick(listable: Listable, selection: Selection, parts: list[Part], shape: PageShape) -> Select:
    """Return the query of the ids of a page.

    Only ids and keys are sorted: JSON is written for the records in the answer alone.
    """
    if selection.is_ranked:
        return _limited(_best(listable, selection), shape)
    return _limited(one_after_the_other(listable, [_select_part(listable, selection, part) for part in parts]), shape)


def _best(listable: Listable, selection: Selection) -> Select:
    """Return the query of the ids of hits, the best first; of more than MAX_RANKED hits only the latest.

    There is one more: a page has one record more than was asked for, which says that another page follows.
    """
    latest = selection.rows(listable, listable.column("id").alias("id")).limit(MAX_RANKED + 1).alias("latest")
    ids = listable.model.select(latest.c.id.alias("id"), latest.c.score.alias("score")).from_(latest)
    return ids.order_by(latest.c.score, latest.c.id)


def one_after_the_other(listable: Listable, queries: Sequence[Select]) -> Select:
    """Return the query of the ids that sorted queries find; of several, each reads at most `reach`, a slot."""
    if len(queries) == 1:
        return queries[0]
    several = [query.limit(slot("reach")).alias(f"part{i}") for i, query in enumerate(queries)]
    ids: list[Any] = [listable.model.select(each.c.id.alias("id")).from_(each) for each in several]
    together = reduce(lambda one, other: one.union_all(other), ids).alias("together")
    return listable.model.select(together.c.id.alias("id")).from_(together)


def _select_part(listable: Listable, selection: Selection, part: Part) -> Select:
    rows = selection.rows(listable, listable.column("id").alias("id"))
    return rows.where(EVERY_ROW, *part.conditions).order_by_extend(*part.terms)


def _limited(query: Select, shape: PageShape) -> Select:
    # As text, because SQLite plans a statement once and cannot know the values of its slots then.
    return query.limit(SQL(str(shape.limit))).offset(slot("offset") if shape.nulls is None else None)
