"""What an actor may ask: queries without hidden fields, and with a `where` that is narrowed to what they see.

What an actor cannot list does not exist for a condition that leads there.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

from marshmallow import ValidationError

from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.definitions.definition import Definition
from backend.services.definitions.places import Fields, Step, compared, fields_of_paths, lead
from backend.services.definitions.row_rules import bind, check_user_value
from backend.services.definitions.where import Wording, read_where
from backend.services.errors import Invalid
from backend.services.field_types.base import FieldType
from backend.services.field_types.varying import USER
from backend.services.records.list_query import ListQuery
from backend.services.records.shown_links import visible_links, visible_targets
from backend.services.storage.conditions import EVERY, Condition, all_of, linked
from backend.services.storage.paths import Path
from backend.services.storage.relations import Relation
from backend.utils.problems import UNKNOWN_PARAMETER, Problem, problems_of

MAX_VALUES = 20_000  # of one query with the rules of all resources that its `where` leads to
TOO_MANY_VALUES = Problem("too_many", "With the rules of the resources it leads to, this has too many values.")


class VisiblePlace:
    """A resource as an actor may use it in a `where`: its visible fields and relations, and the rows they may list."""

    def __init__(self, actor: Actor, resource: Resource, scope: Condition = EVERY) -> None:
        self._actor, self._resource, self.scope = actor, resource, scope

    @cached_property
    def fields(self) -> Fields:
        """The fields that are not hidden."""
        hidden = policies.hidden_fields(self._resource.definition, self._actor)
        return {name: field for name, field in self._resource.fields.items() if name not in hidden}

    @cached_property
    def relations(self) -> Mapping[str, Relation]:
        """The relations by fields that are not hidden."""
        return self._resource.steps(partial(_hidden_from, self._actor))

    def follow(self, relation: Relation) -> "VisiblePlace | None":
        """Return the related resource, with the rows that the actor may list; None if these are none."""
        target = self._resource.catalog.target(relation.target)
        scope = policies.scope(target, "list", self._actor)
        if not scope:
            return None
        is_list = relation.links and not relation.is_back
        linked = visible_targets(self._actor, target).condition if is_list else EVERY
        return VisiblePlace(self._actor, target, all_of([scope.condition, linked]))

    def row_scope(self, relation: Relation) -> Condition:
        """Return the condition that a row must meet for a relation: the actor does not see links to other rows."""
        if not relation.links or not relation.is_back:
            return EVERY
        return visible_targets(self._actor, self._resource).condition


def visible_relations(actor: Actor, resource: Resource) -> dict[str, Relation]:
    """Return the map of name to Relation, without those by a field that is hidden from the actor."""

    return resource.relations(partial(_hidden_from, actor))


def _hidden_from(actor: Actor, definition: Definition) -> frozenset[str]:
    return policies.hidden_fields(definition, actor)


def expandable_relations(actor: Actor, resource: Resource) -> dict[str, Relation]:
    """Return the map of name to Relation, for those that lead to records for which the actor has a grant."""
    return {
        name: relation
        for name, relation in visible_relations(actor, resource).items()
        if policies.has_grant(resource.catalog.target(relation.target), "list" if relation.is_back else "read", actor)
    }


def visible_paths(actor: Actor, resource: Resource) -> dict[str, FieldType]:
    """Return the map of path to field, for the `paths` of the definition that the actor may use."""
    place = VisiblePlace(actor, resource)
    return fields_of_paths(resource.definition.paths, place)


def visible_query(
    actor: Actor, resource: Resource, query: ListQuery, keys: Iterable[str] = (), *, where_name: str = "where"
) -> ListQuery:
    """Return the query without hidden fields, with the links that the actor sees, and with its `where` and paths read.

    `keys` are paths in addition to those of the order, `where_name` is the name of the parameter that has the `where`.
    Raises Invalid for a hidden or unknown field or relation.
    """
    if hidden := policies.hidden_fields(resource.definition, actor):
        query = query.without(hidden, resource)
    if resource.definition.links:
        links = resource.definition.links
        query = replace(query, links=visible_links(actor, resource), link_fields=frozenset(links))
    by_path = [triple for triple in query.filters if "." in triple[0]]
    by_links = [triple for triple in query.filters if triple[0] in query.link_fields]
    joined = tuple(dict.fromkeys(name for name in (*(name for name, _ in query.sort), *keys) if "." in name))
    if query.where is None and not by_path and not by_links and not joined:
        return query
    place = VisiblePlace(actor, resource)
    conditions = [_compared(place, *triple) for triple in by_path]
    conditions += [_linked(actor, resource, *triple) for triple in by_links]
    if query.where is not None:
        conditions.append(_read(actor, resource, place, query.where, where_name))
    return replace(query, condition=all_of(conditions), paths=tuple([_path(place, name) for name in joined]))


def _linked(actor: Actor, resource: Resource, name: str, operator: str, operand: Any) -> Condition:
    """Return the condition of a filter on a list of references, about the links that the actor sees."""
    scope = visible_targets(actor, resource.target(name)).condition
    return linked(resource.relations()[name], scope, operator, operand)


def _read(actor: Actor, resource: Resource, place: VisiblePlace, where: object, parameter: str) -> Condition:
    """Return the Condition of a `where`, with the actor's values in place of `$user.<name>`."""
    try:
        # A stranger has no values, and an error would list the names of the profile fields.
        check = check_user_value if actor.user_id else lambda value: None
        read = read_where(where, place, Wording(USER, check))
    except ValidationError as error:
        raise Invalid({parameter: problems_of(error)}, location="query") from error
    condition = bind(read, partial(policies.user_value, actor))
    if len(condition.values(resource, "")) > MAX_VALUES:
        raise Invalid({parameter: [TOO_MANY_VALUES]}, location="query")
    return condition


def _compared(place: VisiblePlace, name: str, operator: str, value: object) -> Condition:
    """Return the condition of a filter by a path."""
    way, field = _lead(place, name)
    return compared(field, operator, value, way)


def _path(place: VisiblePlace, name: str) -> Path:
    way, field = _lead(place, name)
    return Path(name, tuple([(relation, target.scope) for relation, target in way]), field)


def _lead(place: VisiblePlace, name: str) -> tuple[list[Step], str]:
    """Return the Steps of a path, and the field at its end. Raises Invalid if the actor may not use one of them."""
    *hops, field = name.split(".")
    way = lead(hops, place)
    if way is None or field not in way[-1][1].fields:
        raise Invalid({name: [UNKNOWN_PARAMETER]}, location="query")
    return way, field
