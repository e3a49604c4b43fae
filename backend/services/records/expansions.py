"""Expansions: the related records that a client asks for.

Each level is restricted by the grants of its own resource; services/records/related.py reads the records.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.errors import Invalid
from backend.services.records.list_query import ExpandQuery, ListQuery
from backend.services.records.shown_links import ids_within, visible_targets
from backend.services.records.visible_queries import visible_paths, visible_query, visible_relations
from backend.services.storage.relations import Relation
from backend.utils.nearest import nearest
from backend.utils.problems import Problem

MAX_EXPANSIONS = 8
MAX_DEPTH = 2
MAX_EXPANDED = 10_000  # related records in one response
OF_LISTS = ("sort", "per_page", "where", "count")  # options of relations to many records alone
OF_PAGES = ("sort", "per_page", "count")  # those of pages of records
ONE_RECORD = Problem("not_allowed", "The path leads to one record, not to a list.")
WHOLE_LIST = Problem("not_allowed", "The path leads to a whole list, in its own order.")


@dataclass(frozen=True)
class Expansion:
    """A Relation to expand: the records of its target that are within a Scope and match a query.

    `children` are expanded in the target.
    """

    name: str
    relation: Relation
    target: Resource
    scope: policies.Scope
    query: ListQuery
    children: "tuple[Expansion, ...]"
    most: int = 1  # ids in a list of references
    usable: Callable[[set[str]], set[str]] = lambda ids: ids  # returns those of the link values that may be followed

    @property
    def link_field(self) -> str:
        """The field of a record by which its related records are found."""
        return self.relation.link_field

    @property
    def matching_field(self) -> str:
        """The field of a related record that has the same value as the link field."""
        return self.relation.matching_field

    @property
    def per_page(self) -> int:
        """The highest number of records that are related to one record."""
        return self.query.per_page if self.relation.is_back else self.most

    @property
    def cost(self) -> int:
        """The highest number of records that it adds to one record."""
        return self.per_page * (1 + sum(child.cost for child in self.children))


def plan_expansions(actor: Actor, resource: Resource, query: ExpandQuery, count: int) -> tuple[Expansion, ...]:
    """Return the Expansions of paths such as `country.continent`, for `count` records.

    Raises Invalid if a relation or a field does not exist, if the actor may not read it, or for too many records.
    """
    paths = query.paths
    if len(paths) > MAX_EXPANSIONS or any(path.count(".") >= MAX_DEPTH for path in paths):
        text = f"At most {MAX_EXPANSIONS} expansions, each at most {MAX_DEPTH} deep."
        raise invalid_expansion(Problem("too_many", text, limit=MAX_EXPANSIONS))
    expansions = _Planner(actor, query).find(resource, paths)
    cost = sum(each.cost for each in expansions)
    if count * cost > MAX_EXPANDED:
        limit = MAX_EXPANDED // cost
        text = f"That may be too much for one response: ask for a `per_page` of at most {limit}."
        raise invalid_expansion(Problem("response_too_large", text, limit=limit))
    return expansions


class _Planner:
    """Finds the Expansions that an actor asks for."""

    def __init__(self, actor: Actor, query: ExpandQuery) -> None:
        self._actor, self._query = actor, query

    def find(self, resource: Resource, paths: Iterable[str], before: str = "") -> tuple[Expansion, ...]:
        """Return the Expansions of paths that begin at a resource; `before` is the path to it."""
        wanted: dict[str, list[str]] = {}
        for path in paths:
            name, dot, rest = path.partition(".")
            wanted.setdefault(name, []).extend([rest] if dot else [])
        offered = visible_relations(self._actor, resource)
        return tuple(self._find_one(resource, offered, before, *each) for each in wanted.items())

    def _find_one(
        self, resource: Resource, offered: dict[str, Relation], before: str, name: str, rests: list[str]
    ) -> Expansion:
        if name not in offered:
            raise self._missing(name, offered, resource)
        relation, path = offered[name], before + name
        target = resource.catalog.target(relation.target)
        scope = policies.scope(target, "list" if relation.is_back else "read", self._actor)
        if not scope:  # the same error, so that it does not show which relations exist
            raise self._missing(name, offered, resource)
        options = self._query.options.get(path, {})
        _require_valid(self._actor, path, relation, target, options)
        query = ListQuery(**{"count": False, **options})
        query = visible_query(self._actor, target, query, where_name=parameter_name(path, "where"))
        children = self.find(target, rests, f"{path}.")
        expansion = Expansion(name, relation, target.with_paths(query.paths), scope, query, children)
        return self._of_links(resource, expansion) if relation.links else expansion

    def _missing(self, name: str, offered: dict[str, Relation], resource: Resource) -> Invalid:
        """Return the error for a relation that does not exist, or that the actor may not follow."""

        def may_follow(relation: Relation) -> bool:
            target = resource.catalog.target(relation.target)
            return bool(policies.scope(target, "list" if relation.is_back else "read", self._actor))

        problem = Problem("not_found", f"There is no relation {name[:80]} to expand.")
        usable = (known for known, relation in offered.items() if may_follow(relation))
        return invalid_expansion(problem.proposing(nearest(name, usable)))

    def _of_links(self, resource: Resource, expansion: Expansion) -> Expansion:
        """Return the Expansion of a list of references, or of a way back: only from records that the actor may read."""
        relation = expansion.relation
        if not relation.is_back:
            return replace(expansion, most=resource.definition.links[relation.field].max)
        scope = visible_targets(self._actor, resource)
        return expansion if scope.everything else replace(expansion, usable=partial(ids_within, resource, scope))


def parameter_name(path: str, option: str) -> str:
    """Return the name of the parameter with an option of the related records of a path."""
    return f"expand.{path}.{option}"


def _require_valid(actor: Actor, path: str, relation: Relation, target: Resource, options: Mapping[str, Any]) -> None:
    """Raise Invalid if the options name a field that the actor does not see, or treat one record as a list."""
    hidden = policies.hidden_fields(target.definition, actor)
    shown = {name: field for name, field in target.fields.items() if name not in hidden}
    sortable = [name for name, field in (shown | visible_paths(actor, target)).items() if field.sortable]
    unsorted = [name for name, _ in options.get("sort", ()) if name not in sortable]
    unknown = [name for name in options.get("fields", ()) if name not in shown]
    refused, message = (OF_PAGES, WHOLE_LIST) if relation.links else (OF_LISTS, ONE_RECORD)
    problems = {} if relation.is_back else {option: message for option in refused if option in options}
    if unsorted:
        text = f"There is no such field to sort by: {', '.join(unsorted)[:80]}."
        problems["sort"] = Problem("unknown_field", text).proposing(nearest(unsorted[0], sortable))
    if unknown:
        problem = Problem("unknown_field", f"There is no such field: {', '.join(unknown)[:80]}.")
        problems["fields"] = problem.proposing(nearest(unknown[0], shown))
    if problems:
        errors = {parameter_name(path, option): [problem] for option, problem in problems.items()}
        raise Invalid(errors, location="query")


def invalid_expansion(problem: Problem) -> Invalid:
    """Return the error of the parameter `expand`."""
    return Invalid({"expand": [problem]}, location="query")


def link_fields(expansions: Iterable[Expansion]) -> tuple[str, ...]:
    """Return the fields whose values `expand` needs from each record."""
    return tuple(sorted({each.link_field for each in expansions}))
