"""Lets row rules and filters of a resource follow renames of the other resources and fields they lead through."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from backend.services.definitions.changes import Alteration
from backend.services.definitions.definition import Definition
from backend.services.definitions.relations import Definitions
from backend.services.definitions.row_rules import RulePlace
from backend.services.definitions.where import GROUPS, is_quantified
from backend.services.storage.relations import Relation


class PathRenames:
    """The new names of resources and fields, for paths in the old ones."""

    def __init__(self, definitions: Mapping[str, Definition], changes: Iterable[Alteration]) -> None:
        """Take the old definitions, and the changes that may rename something."""
        self._world = Definitions(definitions)
        altered = list(changes)
        self._resources = {change.old.name: change.new.name for change in altered if change.old.name != change.new.name}
        self._fields = {change.old.name: dict(change.renamed) for change in altered if change.renamed}

    def followed(self, definition: Definition) -> Definition:
        """Return the definition with the new names in its rules and filters, the same if none of them is in it."""
        if not self._resources and not self._fields:
            return definition
        place = RulePlace(definition, self._world)
        access = {
            action: [
                grant if isinstance(grant, str) else {**grant, "where": self._where(grant["where"], place)}
                for grant in grants
            ]
            for action, grants in definition.access.items()
        }
        filters = [self._member(path, None, place)[0] for path in definition.filters]
        if (access, filters) == (definition.access, definition.filters):
            return definition
        return replace(definition, access=access, filters=filters)

    def _where(self, where: dict[str, Any], place: RulePlace) -> dict[str, Any]:
        return dict(self._member(name, value, place) for name, value in where.items())

    def _member(self, name: str, value: Any, place: RulePlace) -> tuple[str, Any]:
        if name in GROUPS and name not in place.fields:
            if isinstance(value, list):
                return name, [self._where(each, place) for each in value]
            return name, self._where(value, place)
        *hops, last = name.split(".")
        new_hops = []
        for hop in hops:
            new_hops.append(self._field(place, hop))
            target = place.follow(place.relations[hop])
            if target is None:  # users: their fields have no other names
                return ".".join([*new_hops, *name.split(".")[len(new_hops) :]]), value
            place = target
        relation = place.relations.get(last)
        if relation is None or not (relation.is_many or is_quantified(value)):
            return ".".join([*new_hops, self._field(place, last)]), self._operators(value, place)
        new_name = self._way_back(last, relation) if relation.is_back else self._field(place, last)
        return ".".join([*new_hops, new_name]), self._quantified(value, relation, place)

    def _field(self, place: RulePlace, name: str) -> str:
        return self._fields.get(place.name, {}).get(name, name)

    def _way_back(self, name: str, relation: Relation) -> str:
        resource = self._resources.get(relation.target, relation.target)
        field = self._fields.get(relation.target, {}).get(relation.field, relation.field)
        return f"{resource}__{field}" if "__" in name else resource

    def _operators(self, value: Any, place: RulePlace) -> Any:
        if not isinstance(value, dict):
            return value
        return {
            operator: {"field": self._field(place, operand["field"])} if isinstance(operand, dict) else operand
            for operator, operand in value.items()
        }

    def _quantified(self, value: dict[str, Any], relation: Relation, place: RulePlace) -> dict[str, Any]:
        target = place.follow(relation)
        if target is None:
            return value
        return {name: self._where(each, target) if isinstance(each, dict) else each for name, each in value.items()}
