"""The query of a list: filters, search, order, fields, expansions and page."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from backend.services.definitions.catalog import Resource
from backend.services.definitions.policies import Scope
from backend.services.errors import Invalid
from backend.services.records.shown_links import ALL_LINKS, VisibleLinks
from backend.services.storage import full_text
from backend.services.storage.conditions import EVERY, Condition, Triple, all_of, comparisons
from backend.services.storage.listable import Listable
from backend.services.storage.ordering import Sort, total_order
from backend.services.storage.paths import Path
from backend.services.storage.selections import Search, Selection
from backend.utils.problems import UNKNOWN_PARAMETER


@dataclass(frozen=True)
class ExpandQuery:
    """The paths of relations to expand, and options for the related records of a path or of its beginning.

    The options are members of a ListQuery. For example, the countries with their five largest cities, each with its
    mayor:

        ExpandQuery(("cities.mayor",), {"cities": {"sort": (("population", True),), "per_page": 5}})
    """

    paths: tuple[str, ...] = ()
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


NO_EXPANSIONS = ExpandQuery()


@dataclass(frozen=True, kw_only=True)
class ListQuery:
    """The filters, search, order, fields, expansions and page that a client asks for.

    For example, the second ten cities of more than a million people, the largest first, each with its country:

        ListQuery(
            filters=(("population", "gt", 1_000_000),),
            sort=(("population", True),),
            expand=ExpandQuery(("country",)),
            page=2,
            per_page=10,
        )

    `filters` holds (field, operator, value), `where` an object as services/definitions/where.py describes it, and
    `condition` what visible_query makes of it, and of filters by paths such as `country.code`; `paths` are those of the
    order. `sort` holds (field, is descending); `fields` None means all. `terms` are the words of a full-text search in
    the fields `searched`; None means no search. A search without `sort` returns the best matches first, and no cursor.
    `max_bytes` limits all records together; None means the limit of a response. `links` are those that the actor sees.
    Filters on `link_fields` are in `condition`. With `as_arrays`, records are JSON arrays of the values of `fields`.
    """

    filters: tuple[Triple, ...] = ()
    where: Any = None
    condition: Condition = EVERY
    paths: tuple[Path, ...] = ()
    terms: tuple[str, ...] | None = None
    searched: tuple[str, ...] = ()
    sort: Sort = ()
    fields: tuple[str, ...] | None = None
    expand: ExpandQuery = NO_EXPANSIONS
    page: int = 1
    per_page: int = 20
    cursor: str | None = None
    count: bool = True
    max_bytes: int | None = None
    links: VisibleLinks = ALL_LINKS
    link_fields: frozenset[str] = frozenset()
    as_arrays: bool = False

    def without(self, hidden: frozenset[str], resource: Resource) -> "ListQuery":
        """Return the query without these fields, which are hidden from the actor. Raises Invalid if it uses one."""
        used = [*(name for name, *_ in (*self.filters, *self.sort)), *(self.fields or ())]
        if not hidden.isdisjoint(used):
            raise Invalid({name: [UNKNOWN_PARAMETER] for name in hidden.intersection(used)}, location="query")
        searched = tuple(name for name in self.searched if name not in hidden)
        if self.terms is not None and not searched:
            raise Invalid({"q": [UNKNOWN_PARAMETER]}, location="query")
        return replace(self, fields=self.fields or resource.visible_fields_or_all(hidden), searched=searched)

    @property
    def is_ranked(self) -> bool:
        """Whether the best matches of a search come first."""
        return self.terms is not None and not self.sort

    @property
    def offset(self) -> int:
        """The number of records before the page, if there is no cursor."""
        return (self.page - 1) * self.per_page

    def selection(self, scope: Scope) -> Selection:
        """Return the Selection of the rows that are in the Scope and match the query."""
        search = Search(self.searched, len(self.terms) if self.is_ranked else 0) if self.terms else None
        return Selection(scope.shape, self._filter.shape, search)

    def conditions(self, scope: Scope) -> tuple[Condition, Condition]:
        """Return the conditions that the rows meet: that of the Scope, and the filters."""
        return scope.condition, self._filter

    def slot_values(self, listable: Listable, scope: Scope) -> dict[str, Any]:
        """Return the values of the slots of the Selection."""
        values = {**scope.values(listable), **self._filter.values(listable, "filter"), **self.links.values}
        for i, path in enumerate(self.paths):
            values |= path.values(listable, f"path{i}")
        return values | full_text.slot_values(listable, self.searched, self.terms) if self.terms else values

    @cached_property
    def _filter(self) -> Condition:
        own = [name for name in self.filters if "." not in name[0] and name[0] not in self.link_fields]
        return all_of([comparisons(own), self.condition])

    def fingerprint(self, listable: Listable) -> str:
        """Return a hash of the resource, filters, search and order. A cursor is valid only for the same hash."""
        asked = [self.filters] if self.where is None else [self.filters, self.where]
        parts = json.dumps([listable.name, *asked, self.terms, total_order(self.sort)], default=str, sort_keys=True)
        return hashlib.sha256(parts.encode()).hexdigest()[:16]
