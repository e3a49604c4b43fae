"""Reads related records: each expansion takes one query for all records of a page together."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from peewee import SQL, ColumnBase, Expression, NodeList, Select

from backend.models.database import database
from backend.services.definitions.catalog import Resource
from backend.services.records.cursors import write_cursor
from backend.services.records.expansions import Expansion, invalid_expansion, link_fields
from backend.services.storage.answer_sizes import if_within, may_be_too_large, response_limit, sized
from backend.services.storage.counts import Total, count_limit, count_up_to_limit
from backend.services.storage.listable import Names, Shown
from backend.services.storage.ordering import Key, Sort, order_keys, parts, total_order
from backend.services.storage.pages import one_after_the_other
from backend.services.storage.row_texts import bindable, in_one_row, select_named, split_texts
from backend.services.storage.selections import Selection
from backend.services.storage.statements import slot
from backend.utils.problems import Problem
from backend.utils.texts import byte_count

LinkValues = dict[str, Any]  # map of link field to value, for one record: its related records are found by them


def expand(expansions: Sequence[Expansion], items: list[str], link_values: Sequence[LinkValues]) -> list[str]:
    """Return the records, as JSON texts, with their `expand`; `link_values` are those of each record.

    Raises Invalid if the response would have too many bytes.
    """
    return _expand(expansions, items, link_values, _Budget(items))


class _Budget:
    """The bytes that are left for the related records in a response."""

    def __init__(self, items: Iterable[str]) -> None:
        self.left = max(0, response_limit.max_bytes - sum(map(byte_count, items)))

    def require(self, size: int) -> None:
        """Raise Invalid if fewer than `size` bytes are left."""
        if size > self.left:
            bound = f"A response may have {response_limit.max_bytes:,} bytes (LARDER_MAX_ANSWER_BYTES)"
            text = f"{bound}, and this would have more: ask for a smaller `per_page`, or expand less."
            raise invalid_expansion(Problem("response_too_large", text, limit=response_limit.max_bytes))

    def spend(self, size: int) -> None:
        """Take `size` bytes. Raises Invalid if fewer are left."""
        self.require(size)
        self.left -= size


def _expand(
    expansions: Sequence[Expansion], items: list[str], link_values: Sequence[LinkValues], budget: _Budget
) -> list[str]:
    if not expansions:
        return items
    parts: list[list[str]] = [[] for _ in items]
    for expansion in expansions:
        ids = {each for link in link_values for each in _ids(link[expansion.link_field])}
        texts = _related_texts(expansion, expansion.usable(ids), budget)
        for part, link in zip(parts, link_values, strict=True):
            text = texts(link[expansion.link_field])
            budget.spend(byte_count(text))  # a record that several records refer to is repeated in the response
            part.append(f'"{expansion.name}":{text}')
    return [f'{item[:-1]},"expand":{{{",".join(part)}}}}}' for item, part in zip(items, parts, strict=True)]


def _ids(link_value: Any) -> Sequence[str]:
    """Return the ids in a link value: a list of references has several."""
    if isinstance(link_value, list):
        return link_value
    return () if link_value is None else (link_value,)


def _related_texts(expansion: Expansion, ids: set[str], budget: _Budget) -> Callable[[Any], str]:
    """Return a function that returns the JSON text of the related records for a link value."""
    records = _read_related(expansion, ids, budget) if ids else []
    if not expansion.relation.is_back:
        by_id = {record_id: each.json for each in records for record_id in each.matching_ids}
        if expansion.relation.links:
            return lambda linked: f"[{','.join(by_id[each] for each in linked if each in by_id)}]"
        return lambda record_id: by_id.get(record_id, "null")
    pages: dict[str, list[_Related]] = {}
    for each in records:
        for record_id in ids.intersection(each.matching_ids):
            pages.setdefault(record_id, []).append(each)
    counts = _count_related(expansion, ids) if expansion.query.count and ids else {}
    return lambda record_id: _page_text(expansion, record_id, pages.get(record_id, []), counts.get(record_id, Total(0)))


def _count_related(expansion: Expansion, ids: set[str]) -> dict[str, Total]:
    """Return the map of link value to the number of related records."""
    target, selection = expansion.target, expansion.query.selection(expansion.scope)
    values = {"ids": json.dumps(sorted(ids)), "most_counted": count_limit.most + 1}
    values |= expansion.query.slot_values(target, expansion.scope)
    rows = target.run(_select_counts, expansion.matching_field, selection, values=values)
    return {str(value): count_limit.total(count) for value, count in rows}


class _Related(NamedTuple):
    """A related record: its JSON, the ids in its matching field, and the values of its sort keys."""

    json: str
    matching_ids: Sequence[str]
    keys: list[Any]


def _read_related(expansion: Expansion, ids: set[str], budget: _Budget) -> list[_Related]:
    """Return the related records, each with its own expansions, in their order.

    Raises Invalid if they have too many bytes.
    """
    target, query, is_back = expansion.target, expansion.query, expansion.relation.is_back
    names = tuple(sorted({expansion.matching_field, *link_fields(expansion.children)}))
    limit = expansion.per_page + 1 if is_back else 1  # one more, to find out whether there is a next page
    is_measured = may_be_too_large(target, query.fields, len(ids) * limit)
    shape = RelatedShape(
        expansion.matching_field,
        is_back,
        query.selection(expansion.scope),
        query.fields,
        query.sort,
        names,
        is_measured,
        query.links.shown,
    )
    values = {"ids": json.dumps(sorted(ids)), "most": budget.left, "reach": limit}
    values |= query.slot_values(target, expansion.scope)
    ((records, read, *sizes),) = target.run(_select_related, shape, values=values)
    if is_measured:
        budget.require(sum(map(int, split_texts(sizes[0]))))
    rows = [json.loads(each) for each in split_texts(read)]
    link_values = [dict(zip(names, row, strict=False)) for row in rows]
    texts = _expand(expansion.children, split_texts(records), link_values, budget)
    return [
        _Related(text, _ids(link[expansion.matching_field]), row[len(names) :])
        for text, link, row in zip(texts, link_values, rows, strict=True)
    ]


def _page_text(expansion: Expansion, record_id: str, page: list[_Related], total: Total) -> str:
    """Return the first page of the records that refer to a record, with the cursor of the next page in their list.

    `total` is their number, which is part of the text if the query asks for it.
    """
    cursor, size = None, expansion.per_page
    if len(page) > size:
        one = ("any", (record_id,)) if expansion.relation.links else ("eq", record_id)
        query = replace(expansion.query, filters=((expansion.matching_field, *one),))
        cursor = write_cursor(expansion.target, query, page[size - 1].keys)
    listed = ",".join(each.json for each in page[:size])
    counted = f',"total":{json.dumps(total.exact)}' if expansion.query.count else ""
    if total.at_least is not None:
        counted += f',"total_is_at_least":{total.at_least}'
    return f'{{"data":[{listed}],"next_cursor":{json.dumps(cursor)}{counted}}}'


class RelatedShape(NamedTuple):
    """All that decides the SQL text of related records: those of a selection, with a link to one of the ids.

    `link_fields` are fields whose values are read in addition to the JSON of `fields`.
    """

    matching_field: str
    is_back: bool
    selection: Selection
    fields: Names
    sort: Sort
    link_fields: tuple[str, ...]
    is_measured: bool
    shown: Shown


def _select_related(target: Resource, shape: RelatedShape) -> Select:
    """Return the query of all related records, in one row; for a relation back, one more than a page for each id.

    Their values are those of the link fields and, for a relation back, of the sort keys.
    """
    keys = order_keys(target, total_order(shape.sort))
    found, terms = _is_related(target, shape, keys), [key.term for key in keys]
    read = target.link_values(shape.link_fields) + bindable(key.column for key in keys if shape.is_back)
    texts: dict[str, ColumnBase] = {
        "record": target.json(shape.fields, shape.shown),
        "link_values": database.json_array(read),
    }
    record_id = target.column("id")
    if not shape.is_measured:
        return in_one_row(target, select_named(target, texts).where(found).order_by(*terms), texts)
    picked = target.model.select(record_id.alias("id")).where(found).alias("picked")
    sizes = sized(target, picked, shape.fields, shape.shown, terms)
    texts |= if_within(sizes, texts["record"])
    rows = select_named(target, texts).join(sizes, on=(sizes.c.id == record_id))
    return in_one_row(target, rows.order_by(*terms), texts)


def _select_counts(target: Resource, matching_field: str, selection: Selection) -> Select:
    """Return the query of each of the ids, with the number of records that refer to it, up to the limit."""
    rows, _ = _of_each_wanted(target, matching_field, selection.rows(target, SQL("1")))
    count = count_up_to_limit(target, rows)
    wanted = NodeList((database.ids(slot("ids")), SQL('AS "wanted"')))
    return target.model.select(database.each_wanted, count).from_(wanted)


def _of_each_wanted(target: Resource, matching_field: str, rows: Select) -> tuple[Select, ColumnBase]:
    """Return the query of those of the rows that refer to the current id, and the id of a row in the index of that."""
    record_id = target.column("id")
    if target.fields[matching_field].has_column:
        return rows.where(Expression(target.column(matching_field), "=", database.each_wanted)), record_id
    links = target.links(matching_field).table
    rows = rows.join(links, on=(links.c.record == record_id))
    return rows.where(Expression(links.c.target, "=", database.each_wanted)), links.c.record


def _is_related(target: Resource, shape: RelatedShape, keys: list[Key]) -> ColumnBase:
    record_id = target.column("id")
    if not shape.is_back:
        column = target.column(shape.matching_field)
        found = target.scoped(column.in_(database.ids(slot("ids"))), shape.selection.scope)
        return found & shape.selection.filters.sql(target, "filter")
    # For each id, ranges of an index are read, however many records refer to it.
    rows = shape.selection.rows(target, record_id.alias("id"))
    rows, last = _of_each_wanted(target, shape.matching_field, rows)
    keys = [*keys[:-1], keys[-1]._replace(column=last)]  # `id`, which the index has in its order
    queries = [rows.where(*part.conditions).order_by(*part.terms) for part in parts(keys, None)]
    first = one_after_the_other(target, queries).limit(slot("reach"))
    return Expression(record_id, "IN", database.first_of_each(slot("ids"), target.name, first))
