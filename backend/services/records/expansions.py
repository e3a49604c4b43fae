"""Expansions: records that refer to each other in one answer, each level under the grants of its own resource.

Each expansion takes one query, for all records of a page together.
"""

import json
from collections import Counter
from dataclasses import dataclass, replace
from typing import NamedTuple

from peewee import Expression

from backend.models.database import database
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.errors import Invalid
from backend.services.records import lists, records
from backend.services.records.lists import ListQuery, joined, split
from backend.services.storage.answer_sizes import answer_bound, may_be_too_large
from backend.services.storage.conditions import scope_values
from backend.services.storage.statements import slot
from backend.utils.texts import byte_count

MAX_EXPANSIONS = 8
MAX_DEPTH = 2
PAGE_SIZE = 20  # records that refer to one, as many as a list gives when nothing else is said
MAX_EXPANDED = 10_000  # records that one answer may hold beside those of the page


class Relation(NamedTuple):
    """A way from a record: along its reference `field` to one of `target`, or back from all whose `field` it is."""

    target: Resource
    field: str
    is_back: bool


@dataclass(frozen=True)
class Node:
    """A Relation that somebody asked for, with what they may see at its end and what they want expanded there."""

    name: str
    relation: Relation
    allowed: policies.Scope
    hidden: frozenset
    children: tuple

    @property
    def link(self):
        """The field of a record here by which its related ones are found."""
        return "id" if self.relation.is_back else self.relation.field

    @property
    def cost(self):
        """The most records that it adds to one."""
        return (PAGE_SIZE if self.relation.is_back else 1) * (1 + sum(child.cost for child in self.children))


def relations(resource, hidden_fields):
    """Return the Relations of a resource by name, `hidden_fields(definition)` being the names that are not there.

    The way back is called after the resource that refers, `cities`, and with the field, `cities__country`, which it has
    to be where that alone would not be clear.
    """
    own, catalog = resource.definition, resource.catalog
    there = {name: kind for name, kind in own.references.items() if name not in hidden_fields(own)}
    back = [(other, name) for other, name in resource.referrers if name not in hidden_fields(other.definition)]
    count = Counter(other.name for other, _ in back)
    return (
        {f"{other.name}__{name}": Relation(other, name, True) for other, name in back}
        | {other.name: Relation(other, name, True) for other, name in back if count[other.name] == 1}
        | {name: Relation(catalog[kind.to], name, False) for name, kind in there.items()}
    )


def list_records(actor, resource, query):
    """Return the RecordPage of the records the actor may list, with what the query wants expanded.

    Raises as lists.list_records does, and Invalid for an expansion that there is not, or not for this actor.
    """
    if not query.expand:
        return lists.list_records(actor, resource, query)
    nodes = _plan(actor, resource, query.expand, query.per_page)
    page = lists.list_records(actor, resource, replace(query, links=_links(nodes)))
    return replace(page, items=_expand(actor, nodes, page.items, page.links, _Budget(page.items)))


def get_record(actor, resource, record_id, expand):
    """Return the Record with the expansions; raises NotFound, and Invalid as list_records does."""
    if not expand:
        return records.get_record(actor, resource, record_id)
    allowed = policies.authorize(resource.definition, "read", actor)
    nodes = _plan(actor, resource, expand, 1)
    fields = resource.visible(policies.hidden_fields(resource.definition, actor))
    filters, links = (("id", "eq", record_id),), ("version", *_links(nodes))
    query = ListQuery(filters=filters, fields=fields, per_page=1, count=False, links=links)
    page = lists.list_rows(resource, allowed, query)
    if not page.items:
        raise records.missing(resource)
    expanded = _expand(actor, nodes, page.items, page.links, _Budget(page.items))
    return records.Record(expanded[0], page.links[0]["version"])


def _plan(actor, resource, paths, count):
    """Return the Nodes of paths such as `country.continent`, for `count` records; raise Invalid."""
    if len(paths) > MAX_EXPANSIONS or any(path.count(".") >= MAX_DEPTH for path in paths):
        raise _invalid(f"At most {MAX_EXPANSIONS} expansions, each at most {MAX_DEPTH} deep.")
    nodes = _nodes(actor, resource, paths)
    cost = sum(node.cost for node in nodes)
    if count * cost > MAX_EXPANDED:
        raise _invalid(f"That may be too much for one answer: ask for a `per_page` of at most {MAX_EXPANDED // cost}.")
    return nodes


def _nodes(actor, resource, paths):
    wanted = {}
    for path in paths:
        name, dot, rest = path.partition(".")
        wanted.setdefault(name, []).extend([rest] if dot else [])
    offered = relations(resource, lambda definition: policies.hidden_fields(definition, actor))
    return tuple(_node(actor, name, offered.get(name), rests) for name, rests in wanted.items())


def _node(actor, name, relation, rests):
    if relation is not None:
        definition = relation.target.definition
        allowed = policies.scope(definition, "list" if relation.is_back else "read", actor)
    if relation is None or not allowed:  # the same for both: what somebody may not read is not there
        raise _invalid(f"There is nothing to expand by the name {name[:80]}.")
    hidden = policies.hidden_fields(definition, actor)
    return Node(name, relation, allowed, hidden, _nodes(actor, relation.target, rests))


def _invalid(message):
    return Invalid({"expand": [message]}, location="query")


def _links(nodes):
    return tuple(sorted({node.link for node in nodes}))


class _Budget:
    """The bytes that are left for what is expanded in an answer, beside the records of its page."""

    def __init__(self, items):
        self.left = max(0, answer_bound.max_bytes - sum(map(byte_count, items)))

    def spend(self, size: int) -> None:
        """Take so many bytes; raise Invalid if they are not there."""
        self.left -= size
        if self.left < 0:
            most = answer_bound.max_bytes
            told = f"An answer may have {most:,} bytes (LARDER_MAX_ANSWER_BYTES), and this would have more"
            raise _invalid(f"{told}: ask for a smaller `per_page`, or expand less.")


def _expand(actor, nodes, items, links, budget):
    """Return the records, JSON texts, with their `expand`; `links` has of each its values by field."""
    if not nodes:
        return items
    parts = [[] for _ in items]
    for node in nodes:
        related = _related(actor, node, {link[node.link] for link in links} - {None}, budget)
        for part, link in zip(parts, links, strict=True):
            told = related(link[node.link])
            budget.spend(byte_count(told))  # one that many refer to is told as often
            part.append(f'"{node.name}":{told}')
    return [f'{item[:-1]},"expand":{{{",".join(part)}}}}}' for item, part in zip(items, parts, strict=True)]


def _related(actor, node, ids, budget):
    """Return a function from an id to the JSON text of what is related to it."""
    target, field, is_back = node.relation
    own = field if is_back else "id"
    links = tuple(sorted({"id", own, *_links(node.children)}))
    most = len(ids) * (PAGE_SIZE + 1 if is_back else 1)
    measured = may_be_too_large(target, target.visible(node.hidden), most)
    shape = (own, is_back, node.allowed.shape, node.hidden, links, measured)
    values = {"ids": json.dumps(sorted(ids)), "most": budget.left} | scope_values(target, node.allowed)
    rows = target.run(_select_related, *shape, values=values) if ids else [(None, None, None)]
    if measured:
        budget.spend(0 if (whole := sum(map(int, split(rows[0][2])))) <= budget.left else whole)
    items, links = split(rows[0][0]), [dict(zip(links, json.loads(each), strict=True)) for each in split(rows[0][1])]
    expanded = _expand(actor, node.children, items, links, budget)
    if not is_back:
        by_id = {link["id"]: record for link, record in zip(links, expanded, strict=True)}
        return lambda record_id: by_id.get(record_id, "null")
    pages = {}
    for link, record in zip(links, expanded, strict=True):
        pages.setdefault(link[field], []).append((link["id"], record))
    return lambda record_id: _page_text(target, field, record_id, pages.get(record_id, []))


def _page_text(target, field, record_id, page):
    """Return the first page of the records of `target` that refer to one, with the cursor for going on in its list."""
    cursor = None
    if len(page) > PAGE_SIZE:
        query = ListQuery(filters=((field, "eq", record_id),))
        cursor = lists.write_cursor(target, query, [page[PAGE_SIZE - 1][0]])
    listed = ",".join(record for _, record in page[:PAGE_SIZE])
    return f'{{"data":[{listed}],"next_cursor":{json.dumps(cursor)}}}'


def _select_related(target, own, is_back, shape, hidden, links, measured):
    """Return the query of all records whose `own` is one of the ids; of a way back the first of each and one more."""
    record_id, column = target.column("id"), target.column(own)
    if is_back:  # of each a range of an index, however many there are
        mine = target.scoped(Expression(column, "=", database.each_wanted), shape)
        first = target.model.select(record_id).where(mine).order_by(record_id).limit(PAGE_SIZE + 1)
        found = Expression(record_id, "IN", database.first_of_each(slot("ids"), target.name, first))
    else:
        found = target.scoped(column.in_(database.ids(slot("ids"))), shape)
    names = target.visible(hidden)
    told = {
        "record": target.json(names),
        "links": database.json_array([database.bindable(target.column(name)) for name in links]),
    }
    if not measured:
        return joined(target, lists.told_rows(target, told).where(found).order_by(record_id), told)
    picked = target.model.select(record_id.alias("id")).where(found).alias("picked")
    sizes = lists.sized(target, picked, names, [record_id.asc()])
    told |= lists.if_within(sizes, told["record"])
    rows = lists.told_rows(target, told).join(sizes, on=(sizes.c.id == record_id))
    return joined(target, rows.order_by(record_id), told)
