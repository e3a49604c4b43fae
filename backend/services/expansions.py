"""Expansions: records that refer to each other in one answer, each level under the grants of its own resource.

Each expansion takes one query, for all records of a page together.
"""

import json
from collections import Counter
from dataclasses import dataclass, replace
from typing import NamedTuple

from peewee import fn

from backend.models.database import database
from backend.services import policies, queries, records
from backend.services.catalog import Resource
from backend.services.conditions import scope_values
from backend.services.errors import Invalid
from backend.services.queries import ListQuery, joined, split
from backend.services.statements import slot

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

    Raises as queries.list_records does, and Invalid for an expansion that there is not, or not for this actor.
    """
    if not query.expand:
        return queries.list_records(actor, resource, query)
    nodes = _plan(actor, resource, query.expand, query.per_page)
    page = queries.list_records(actor, resource, replace(query, links=_links(nodes)))
    return replace(page, items=_expand(actor, nodes, page.items, page.links))


def get_record(actor, resource, record_id, expand):
    """Return the Record with the expansions; raises NotFound, and Invalid as list_records does."""
    if not expand:
        return records.get_record(actor, resource, record_id)
    allowed = policies.authorize(resource.definition, "read", actor)
    nodes = _plan(actor, resource, expand, 1)
    fields = resource.visible(policies.hidden_fields(resource.definition, actor))
    filters, links = (("id", "eq", record_id),), ("version", *_links(nodes))
    query = ListQuery(filters=filters, fields=fields, per_page=1, count=False, links=links)
    page = queries.list_rows(resource, allowed, query)
    if not page.items:
        raise records.missing(resource)
    return records.Record(_expand(actor, nodes, page.items, page.links)[0], page.links[0]["version"])


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


def _expand(actor, nodes, items, links):
    """Return the records, JSON texts, with their `expand`; `links` has of each its values by field."""
    if not nodes:
        return items
    parts = [[] for _ in items]
    for node in nodes:
        related = _related(actor, node, {link[node.link] for link in links} - {None})
        for part, link in zip(parts, links, strict=True):
            part.append(f'"{node.name}":{related(link[node.link])}')
    return [f'{item[:-1]},"expand":{{{",".join(part)}}}}}' for item, part in zip(items, parts, strict=True)]


def _related(actor, node, ids):
    """Return a function from an id to the JSON text of what is related to it."""
    target, field, is_back = node.relation
    own = field if is_back else "id"
    links = tuple(sorted({"id", own, *_links(node.children)}))
    key = ("related", own, is_back, node.allowed.shape, node.hidden, links)
    values = {"ids": json.dumps(sorted(ids))} | scope_values(target, node.allowed)
    rows = target.statements.get(key, _select_related, target, *key[1:]).run(values) if ids else [(None, None)]
    items, links = split(rows[0][0]), [dict(zip(links, json.loads(each), strict=True)) for each in split(rows[0][1])]
    expanded = _expand(actor, node.children, items, links)
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
        cursor = queries.write_cursor(target, query, [page[PAGE_SIZE - 1][0]])
    listed = ",".join(record for _, record in page[:PAGE_SIZE])
    return f'{{"data":[{listed}],"next_cursor":{json.dumps(cursor)}}}'


def _select_related(target, own, is_back, shape, hidden, links):
    """Return the query of all records whose `own` is one of the ids; of a way back the first of each and one more."""
    record_id, column = target.column("id"), target.column(own)
    found = target.scoped(column.in_(database.ids(slot("ids"))), shape)
    if is_back:
        place = fn.ROW_NUMBER().over(partition_by=[column], order_by=[record_id])
        placed = target.model.select(record_id.alias("id"), place.alias("place")).where(found).alias("placed")
        # Only the ids go through the window: the JSON of a record is made for those that are in the answer.
        first = target.model.select(placed.c.id).from_(placed).where(placed.c.place <= PAGE_SIZE + 1)
        found = record_id.in_(first)
    told = database.json_array([database.bindable(target.column(name)) for name in links])
    rows = target.model.select(target.json(target.visible(hidden)).alias("record"), told.alias("links"))
    return joined(target, rows.where(found).order_by(record_id), ("record", "links"))
