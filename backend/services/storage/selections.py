"""Which rows a list is about: a scope, filters and a full-text search."""

from typing import Any, NamedTuple

from peewee import ColumnBase, Select

from backend.services.storage import full_text
from backend.services.storage.conditions import EVERY, Condition
from backend.services.storage.listable import Listable


class Search(NamedTuple):
    """The fields that a text is searched in, and by how many of its terms the hits are ranked; 0 for no rank."""

    fields: tuple[str, ...]
    ranked_terms: int


class Selection(NamedTuple):
    """What decides the SQL text of a choice of rows; the values are in its slots.

    A user's own notes with a rank from 3 on that a search for two words finds, the best first:

        Selection(
            scope=Compare("created_by", "eq", 1),
            filters=Compare("rank", "gte", 1),
            search=Search(("title", "text"), ranked_terms=2),
        )

    The scope and the filters are shapes: neither the user nor the 3 is in the text.
    """

    scope: Condition = EVERY
    filters: Condition = EVERY
    search: Search | None = None

    @property
    def is_everything(self) -> bool:
        """Whether it chooses all rows."""
        return self == Selection()

    @property
    def is_ranked(self) -> bool:
        """Whether the best hits of the search come first."""
        return self.search is not None and self.search.ranked_terms > 0

    @property
    def is_search_alone(self) -> bool:
        """Whether it chooses all rows that a search finds."""
        return self.search is not None and self == Selection(search=self.search)

    @property
    def unranked(self) -> "Selection":
        """The same rows in any order."""
        return self._replace(search=self.search._replace(ranked_terms=0)) if self.search else self

    def rows(self, listable: Listable, *columns: Any) -> Select:
        """Return the query of these columns of the rows; if ranked, with their `score`, the latest first."""
        query = listable.model.select(*columns).where(*self._conditions(listable))
        if self.search is None:
            return query
        hits = full_text.found(listable, *self.search).alias("hits")
        query = query.join(hits, on=(hits.c.id == listable.column("id")))
        return (
            query.select_extend(hits.c.score.alias("score")).order_by(hits.c.place.desc()) if self.is_ranked else query
        )

    def _conditions(self, listable: Listable) -> list[ColumnBase]:
        return [self.scope.sql(listable, "scope"), self.filters.sql(listable, "filter")]
