"""Definitions: what a resource is."""

import dataclasses
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from backend.services.definitions.grants import NO_GRANTS, Grant, Grants, granted_roles, read_grants
from backend.services.definitions.schema import ACTIONS
from backend.services.field_types.base import FieldType
from backend.services.field_types.datetime import DateTime
from backend.services.field_types.integer import Integer
from backend.services.field_types.reference import Reference, references_of
from backend.services.field_types.uuid import Uuid

MAX_INDEX_BYTES = 2400  # of the texts in one entry of an index

SYSTEM_FIELDS: Mapping[str, FieldType] = {
    "id": Uuid(required=True, description="UUIDv7; grows with time"),
    "created_at": DateTime(required=True),
    "updated_at": DateTime(required=True),
    "created_by": Uuid(description="Id of the user who created the record; null when nobody was signed in"),
    "version": Integer(required=True, description="Grows by one with every change"),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Definition:
    """The declaration of a resource.

    For example:

        books:
          fields:
            title: {type: string, required: true}
            author: {type: reference, to: authors}
          search: [title]
          access: {list: [public], create: [member], update: [owner]}

    is `Definition(name="books", fields={"title": String(required=True), "author": Reference(to="authors")},
    search=["title"], access={"list": ["public"], "create": ["member"], "update": ["owner"]})`.
    """

    name: str
    fields: dict[str, FieldType]
    description: str = ""
    indexes: list[list[str]] = dataclasses.field(default_factory=list)
    unique: list[list[str]] = dataclasses.field(default_factory=list)
    search: list[str] = dataclasses.field(default_factory=list)
    access: dict[str, list[Grant]] = dataclasses.field(default_factory=dict)
    on_owner_delete: str = "set_null"
    require_if_match: bool = False
    history: bool = False
    renamed_from: list[str] | None = None
    version: int = dataclasses.field(default=1, compare=False)  # of what is stored; not part of the declaration

    @property
    def former_names(self) -> list[str]:
        """The names the resource had before, the latest first."""
        return self.renamed_from or []

    @cached_property
    def all_fields(self) -> dict[str, FieldType]:
        """The system fields and the declared ones, in the order of the output."""
        return {"id": SYSTEM_FIELDS["id"], **self.fields, **{k: v for k, v in SYSTEM_FIELDS.items() if k != "id"}}

    @cached_property
    def references(self) -> dict[str, Reference]:
        """The fields that refer to records, by name."""
        return references_of(self.fields)

    def grants(self, action: str) -> Grants:
        """Return the Grants of one of ACTIONS; without any, only admins may do it."""
        return self._grants.get(action, NO_GRANTS)

    @cached_property
    def _grants(self) -> dict[str, Grants]:
        return {action: read_grants(grants, self.all_fields) for action, grants in self.access.items()}

    @cached_property
    def ruled_fields(self) -> dict[str, FieldType]:
        """The fields that not everybody may read or write, by name."""
        return {name: field for name, field in self.fields.items() if field.writers is not None}

    def named_roles(self) -> set[str]:
        """Return the roles that the grants and the rules of fields name."""
        granted = [granted_roles(grants) for grants in self.access.values()]
        ruled = [[*(field.readable_by or ()), *(field.writers or ())] for field in self.ruled_fields.values()]
        return set().union(*granted, *ruled)

    def unique_sets(self) -> list[tuple[str, ...]]:
        """Return every tuple of fields whose values together must be unique."""
        single = [(name,) for name, field in self.fields.items() if field.unique]
        return [*single, *map(tuple, self.unique)]

    def index_sets(self) -> list[tuple[str, ...]]:
        """Return every tuple of fields that has an index of its own without being unique."""
        single = [(name,) for name, field in self.fields.items() if field.index and not field.unique]
        # When a record is deleted, the records that refer to it are looked up: without an index by reading the table.
        references = [(name,) for name, field in self.references.items() if not field.index]
        return [*single, *references, *map(tuple, self.indexes)]

    @cached_property
    def index_byte_limits(self) -> dict[str, int]:
        """By text field that is in an index, how many bytes its values may have there.

        An entry of an index has at most 2,704 bytes on Postgres, and its texts share what other columns leave.
        """
        most: dict[str, int] = {}
        for names in {*self.unique_sets(), *self.index_sets()}:
            texts = [name for name in names if self.fields[name].may_outgrow_index]
            for name in texts:
                most[name] = min(most.get(name, MAX_INDEX_BYTES), MAX_INDEX_BYTES // len(texts))
        return most

    def implied_sets(self) -> list[tuple[str, ...]]:
        """Return the tuples of fields that have an index although nobody declared it.

        They serve the orders by system fields and by a unique field that may be null, and the lists of users who see
        only their own records.
        """
        unique = [(name,) for name, field in self.fields.items() if field.unique and not field.required]
        implied: list[tuple[str, ...]] = [("created_at",), ("updated_at",), *unique]
        if any(self.grants(action).to_owner for action in ACTIONS):
            implied.append(("created_by",))
        if self.grants("list").to_owner:
            own = [*self.index_sets(), *implied, *((name,) for name, field in self.fields.items() if field.unique)]
            implied += [("created_by", *each) for each in own if "created_by" not in each]
        return implied

    def to_dict(self) -> dict[str, Any]:
        """Return the definition without its name, as it is stored and exported; empty parts are left out."""
        body = {
            "description": self.description,
            "fields": {name: field.to_dict() for name, field in self.fields.items()},
        }
        lists = {"indexes": self.indexes, "unique": self.unique, "search": self.search, "access": self.access}
        owned = {} if self.on_owner_delete == "set_null" else {"on_owner_delete": self.on_owner_delete}
        options = {"require_if_match": self.require_if_match, "history": self.history}
        rest = owned | options | {"renamed_from": self.renamed_from}
        return {name: value for name, value in (body | lists | rest).items() if value or name == "fields"}
