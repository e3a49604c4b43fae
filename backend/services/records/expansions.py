"""Expansions: the related records that a client asks for.

Each level is restricted by the grants of its own resource; services/records/related.py reads the records.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.errors import Invalid
from backend.services.records.visible_queries import visible_relations
from backend.services.storage.relations import Relation

MAX_EXPANSIONS = 8
MAX_DEPTH = 2
PAGE_SIZE = 20  # records that refer to one record; the default page size of a list
MAX_EXPANDED = 10_000  # related records in one response


@dataclass(frozen=True)
class Expansion:
    """A Relation to expand, with the scope and hidden fields of its target; `children` are expanded in the target."""

    name: str
    relation: Relation
    target: Resource
    scope: policies.Scope
    hidden: frozenset[str]
    children: "tuple[Expansion, ...]"

    @property
    def link_field(self) -> str:
        """The field of a record by which its related records are found."""
        return self.relation.link_field

    @property
    def matching_field(self) -> str:
        """The field of a related record that has the same value as the link field."""
        return self.relation.matching_field

    @property
    def cost(self) -> int:
        """The highest number of records that it adds to one record."""
        return (PAGE_SIZE if self.relation.is_back else 1) * (1 + sum(child.cost for child in self.children))


def plan_expansions(actor: Actor, resource: Resource, paths: Sequence[str], count: int) -> tuple[Expansion, ...]:
    """Return the Expansions of paths such as `country.continent`, for `count` records.

    Raises Invalid if a relation does not exist, if the actor may not read it, or for too many records.
    """
    if len(paths) > MAX_EXPANSIONS or any(path.count(".") >= MAX_DEPTH for path in paths):
        raise invalid_expansion(f"At most {MAX_EXPANSIONS} expansions, each at most {MAX_DEPTH} deep.")
    expansions = _find_expansions(actor, resource, paths)
    cost = sum(each.cost for each in expansions)
    if count * cost > MAX_EXPANDED:
        raise invalid_expansion(
            f"That may be too much for one response: ask for a `per_page` of at most {MAX_EXPANDED // cost}."
        )
    return expansions


def _find_expansions(actor: Actor, resource: Resource, paths: Iterable[str]) -> tuple[Expansion, ...]:
    wanted: dict[str, list[str]] = {}
    for path in paths:
        name, dot, rest = path.partition(".")
        wanted.setdefault(name, []).extend([rest] if dot else [])
    offered = visible_relations(actor, resource)
    return tuple(_find_expansion(actor, resource, name, offered.get(name), rests) for name, rests in wanted.items())


def _find_expansion(
    actor: Actor, resource: Resource, name: str, relation: Relation | None, rests: list[str]
) -> Expansion:
    missing = invalid_expansion(f"There is no relation {name[:80]} to expand.")
    if relation is None:
        raise missing
    target = resource.catalog.target(relation.target)
    scope = policies.scope(target, "list" if relation.is_back else "read", actor)
    if not scope:  # the same error, so that it does not show which relations exist
        raise missing
    hidden = policies.hidden_fields(target.definition, actor)
    return Expansion(name, relation, target, scope, hidden, _find_expansions(actor, target, rests))


def invalid_expansion(message: str) -> Invalid:
    """Return the error of the parameter `expand`."""
    return Invalid({"expand": [message]}, location="query")


def link_fields(expansions: Iterable[Expansion]) -> tuple[str, ...]:
    """Return the fields whose values `expand` needs from each record."""
    return tuple(sorted({each.link_field for each in expansions}))
