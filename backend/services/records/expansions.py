"""Expansions: the related records that a client asks for.

Each level is restricted by the grants of its own resource; services/records/related.py reads the records.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.definitions.definition import Definition
from backend.services.errors import Invalid

MAX_EXPANSIONS = 8
MAX_DEPTH = 2
PAGE_SIZE = 20  # records that refer to one record; the default page size of a list
MAX_EXPANDED = 10_000  # related records in one response


class Relation(NamedTuple):
    """A reference: `field` of a record refers to one of `target` or, if `is_back`, those of `target` refer to it."""

    target: Resource
    field: str
    is_back: bool


@dataclass(frozen=True)
class Expansion:
    """A Relation to expand, with the scope and hidden fields of its target; `children` are expanded in the target."""

    name: str
    relation: Relation
    scope: policies.Scope
    hidden: frozenset[str]
    children: "tuple[Expansion, ...]"

    @property
    def link_field(self) -> str:
        """The field of a record by which its related records are found."""
        return "id" if self.relation.is_back else self.relation.field

    @property
    def matching_field(self) -> str:
        """The field of a related record that has the same value as the link field."""
        return self.relation.field if self.relation.is_back else "id"

    @property
    def cost(self) -> int:
        """The highest number of records that it adds to one record."""
        return (PAGE_SIZE if self.relation.is_back else 1) * (1 + sum(child.cost for child in self.children))


def relations(resource: Resource, hidden_fields: Callable[[Definition], frozenset[str]]) -> dict[str, Relation]:
    """Return the map of name to Relation, without the fields that `hidden_fields` returns for a definition.

    A relation back has two names: that of the resource that refers, `cities`, and one with the field,
    `cities__country`. It has only the second if the first would be ambiguous.
    """
    own, catalog = resource.definition, resource.catalog
    there = {name: field for name, field in own.references.items() if name not in hidden_fields(own)}
    back = [(other, name) for other, name in resource.referrers if name not in hidden_fields(other.definition)]
    count = Counter(other.name for other, _ in back)
    return (
        {f"{other.name}__{name}": Relation(other, name, True) for other, name in back}
        | {other.name: Relation(other, name, True) for other, name in back if count[other.name] == 1}
        | {name: Relation(catalog.target(field.to), name, False) for name, field in there.items()}
    )


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
    offered = relations(resource, lambda definition: policies.hidden_fields(definition, actor))
    return tuple(_find_expansion(actor, name, offered.get(name), rests) for name, rests in wanted.items())


def _find_expansion(actor: Actor, name: str, relation: Relation | None, rests: list[str]) -> Expansion:
    missing = invalid_expansion(f"There is no relation {name[:80]} to expand.")
    if relation is None:
        raise missing
    definition = relation.target.definition
    scope = policies.scope(definition, "list" if relation.is_back else "read", actor)
    if not scope:  # the same error, so that it does not show which relations exist
        raise missing
    hidden = policies.hidden_fields(definition, actor)
    return Expansion(name, relation, scope, hidden, _find_expansions(actor, relation.target, rests))


def invalid_expansion(message: str) -> Invalid:
    """Return the error of the parameter `expand`."""
    return Invalid({"expand": [message]}, location="query")


def link_fields(expansions: Iterable[Expansion]) -> tuple[str, ...]:
    """Return the fields whose values `expand` needs from each record."""
    return tuple(sorted({each.link_field for each in expansions}))
