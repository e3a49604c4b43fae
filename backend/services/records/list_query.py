"""What a client asks of a list."""

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any

from backend.services.definitions.catalog import Resource
from backend.services.definitions.policies import Scope
from backend.services.errors import Invalid
from backend.services.storage import full_text
from backend.services.storage.conditions import Triple, scope_values, shape_of, slot_values
from backend.services.storage.listable import Listable
from backend.services.storage.ordering import Sort, total_order
from backend.services.storage.selections import Search, Selection


@dataclass(frozen=True, kw_only=True)
class ListQuery:
    """What a client asks of a list.

    The second ten cities of more than a million people, the largest first, each with its country:

        ListQuery(
            filters=(("population", "gt", 1_000_000),),
            sort=(("population", True),),
            expand=("country",),
            page=2,
            per_page=10,
        )

    `filters` holds (field, operator, value), `sort` holds (field, is descending); `fields` None means all. `terms` are
    those of a full-text search in the fields `searched`, None for no search; without a `sort` the best comes first and
    there is no cursor. `expand` holds paths of relations. `most_bytes` is for all records together, by default what an
    answer may have.
    """

    filters: tuple[Triple, ...] = ()
    terms: tuple[str, ...] | None = None
    searched: tuple[str, ...] = ()
    sort: Sort = ()
    fields: tuple[str, ...] | None = None
    expand: tuple[str, ...] = ()
    page: int = 1
    per_page: int = 20
    cursor: str | None = None
    count: bool = True
    most_bytes: int | None = None

    def without(self, hidden: frozenset[str], resource: Resource) -> "ListQuery":
        """Return the query for an actor from whom these fields are hidden; raise Invalid if it asks for one."""
        asked = [*(name for name, *_ in (*self.filters, *self.sort)), *(self.fields or ())]
        if not hidden.isdisjoint(asked):
            raise Invalid({name: ["Unknown parameter."] for name in hidden.intersection(asked)}, location="query")
        searched = tuple(name for name in self.searched if name not in hidden)
        if self.terms is not None and not searched:
            raise Invalid({"q": ["Unknown parameter."]}, location="query")
        return replace(self, fields=self.fields or resource.visible_fields(hidden), searched=searched)

    @property
    def is_ranked(self) -> bool:
        """Whether the best comes first."""
        return self.terms is not None and not self.sort

    @property
    def offset(self) -> int:
        """How many records come before the page, where no cursor says so."""
        return (self.page - 1) * self.per_page

    def selection(self, allowed: Scope) -> Selection:
        """Return the Selection of the rows of a Scope that it finds."""
        search = Search(self.searched, len(self.terms) if self.is_ranked else 0) if self.terms else None
        return Selection(allowed.shape, shape_of(self.filters), search)

    def slot_values(self, listable: Listable, allowed: Scope) -> dict[str, Any]:
        """Return the values of the slots of the Selection."""
        values = scope_values(listable, allowed.alternatives) | slot_values(listable, self.filters, "filter")
        return values | full_text.slot_values(listable, self.searched, self.terms) if self.terms else values

    def fingerprint(self, listable: Listable) -> str:
        """Return what ties a cursor to its query: the resource, the filters and the order."""
        parts = json.dumps([listable.name, self.filters, self.terms, total_order(self.sort)], default=str)
        return hashlib.sha256(parts.encode()).hexdigest()[:16]
