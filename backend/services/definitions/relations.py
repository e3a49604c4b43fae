"""Relations: the references of a resource to others, and the ways back from those that refer to it."""

from collections import Counter
from collections.abc import Callable, Mapping
from functools import cached_property

from backend.models.links import links_table
from backend.services.definitions.definition import Definition
from backend.services.field_types.file import TABLE
from backend.services.storage.relations import Relation

Hidden = Callable[[Definition], frozenset[str]]  # returns the fields of a definition that must not be used


def nothing_hidden(definition: Definition) -> frozenset[str]:
    """Return that no field of a definition is hidden."""
    return frozenset()


class Definitions:
    """All definitions, by name, with the relations between them; `serial_of` returns that of a resource."""

    def __init__(self, by_name: Mapping[str, Definition], serial_of: Callable[[str], int] = lambda name: 0) -> None:
        self.by_name, self._serial_of = by_name, serial_of

    @cached_property
    def referrers(self) -> dict[str, list[tuple[Definition, str]]]:
        """Map of name to (definition, field name) of the references to a resource."""
        referrers: dict[str, list[tuple[Definition, str]]] = {name: [] for name in self.by_name}
        for definition in self.by_name.values():
            for name, field in definition.referring.items():
                if field.to in referrers:
                    referrers[field.to].append((definition, name))
        return referrers

    def relations(self, definition: Definition, hidden: Hidden = nothing_hidden) -> dict[str, Relation]:
        """Return the map of name to Relation of a resource.

        A relation back has two names: that of the resource that refers, `cities`, and one with the field,
        `cities__country`. It has only the second if the first would be ambiguous.
        """
        concealed, serial_of = hidden(definition), self._serial_of
        there = {name: field for name, field in definition.referring.items() if name not in concealed}
        back = [
            Relation(other.name, name, True, serial_of(other.name), _links(other, name))
            for other, name in self.referrers[definition.name]
            if name not in hidden(other)
        ]
        count = Counter(relation.target for relation in back)
        return (
            {f"{relation.target}__{relation.field}": relation for relation in back}
            | {relation.target: relation for relation in back if count[relation.target] == 1}
            | {
                name: Relation(field.to, name, False, serial_of(field.to), _links(definition, name))
                for name, field in there.items()
            }
        )

    def steps(self, definition: Definition, hidden: Hidden = nothing_hidden) -> dict[str, Relation]:
        """Return the map of name to Relation for paths: also from the fields with files to what is known of these."""
        to_file = Relation(TABLE, "", False, self._serial_of(TABLE), is_looked_up=True)
        concealed = hidden(definition)
        files = {name: to_file._replace(field=name) for name in definition.files if name not in concealed}
        return self.relations(definition, hidden) | files


def _links(definition: Definition, name: str) -> str:
    """Return the name of the junction table of a field; an empty text if it is a single reference."""
    return links_table(definition.name, name) if name in definition.links else ""
