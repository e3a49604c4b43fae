"""The requests that benchmarks/growth.py measures."""

import itertools
import time
from typing import NamedTuple

_numbers = itertools.count(time.time_ns() // 1_000)  # new ones in a database that is kept


class Case(NamedTuple):
    """A request; `{item}`, `{code}` and `{category}` in its path are those of records."""

    name: str
    path: str
    who: str = "editor"
    method: str = "GET"

    def body(self):
        """Return the JSON of a write, each with other values; None of a read."""
        if self.method == "GET":
            return None
        number = next(_numbers)
        values = {"title": f"harbour new {number}", "priority": number % 10, "price": "12.50"}
        if self.method == "POST":
            values |= {"code": f"new {number}", "created": "2026-01-01T00:00:00Z", "level": 3, "weight": number}
        return values


CASES = [
    Case("get one", "/items/{item}"),
    Case("create", "/items", "owner", "POST"),
    Case("update", "/items/{item}", "editor", "PATCH"),
    Case("list by id", "/items?count=false"),
    Case("sort=-created, first page", "/items?count=false&sort=-created"),
    Case("sort=-priority, ties, first page", "/items?count=false&sort=-priority"),
    Case("sort=priority, nullable, first page", "/items?count=false&sort=priority"),
    Case("filter unique", "/items?count=false&code={code}"),
    Case("priority=3 by id", "/items?count=false&priority=3"),
    Case("priority=3&sort=-created", "/items?count=false&priority=3&sort=-created"),
    Case("sort=-created_at, system", "/items?count=false&sort=-created_at"),
    Case("owner's rows, sort=-created", "/items?count=false&sort=-created", "owner"),
    Case("expand back from a category", "/categories/{category}?expand=items"),
    Case("page=5000", "/items?count=false&page=5000&per_page=2"),
    Case("first page with total", "/items"),
    Case("priority=3 with total", "/items?priority=3"),
    Case("owner's rows with total", "/items", "owner"),
    Case("q, common word, by rank", "/items?count=false&q=harbour"),
    Case("q, word of all, by rank", "/items?count=false&q=note"),
    Case("q, two letters, by rank", "/items?count=false&q=ma"),
    Case("q, rare word, by rank", "/items?count=false&q=n777"),
    Case("q, common word, owner's rows", "/items?count=false&q=harbour", "owner"),
    Case("q, common word, with total", "/items?q=harbour"),
    Case("q, common word, sort=-created", "/items?count=false&q=harbour&sort=-created"),
    Case("filter un-indexed, few hits", "/items?count=false&weight=777"),
    Case("sort=weight, un-indexed", "/items?count=false&sort=weight"),
    Case("title un-indexed", "/items?count=false&sort=title"),
    Case("icontains", "/items?count=false&text__icontains=number%20777"),
    Case("aggregate by reference with sum", "/items/aggregate?group_by=category&sum=price"),
    Case("aggregate: count by level", "/items/aggregate?group_by=level"),
]
_INDEXED = ("id", "created", "code", "alias", "priority", "level", "due", "created_at", "updated_at")
_CATEGORY, _PRIORITY = {"category": "{category}"}, {"priority": 3}
# (who, filters, sort, share of the rows in the list)
SORTS = [
    *(("editor", {}, sign + name, 1.0) for name in _INDEXED for sign in ("", "-")),
    ("editor", {}, "priority,-created", 1.0),
    ("editor", _PRIORITY, "", 1 / 15),
    ("editor", _PRIORITY, "-created", 1 / 15),
    ("editor", _CATEGORY, "created", 1 / 20),
    *(
        ("owner", {}, sign + name, 0.5)
        for name in ("id", "created", "priority", "due", "created_at", "code")
        for sign in ("", "-")
    ),
]
