"""Converts query parameters to a ListQuery, and a page of rows to a response."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from backend.middleware.answer import Answer
from backend.routes.toolkit.envelope import json_answer, list_meta
from backend.routes.toolkit.expand_parameter import EXPAND, expand_query, is_option
from backend.routes.toolkit.list_parameters import read_sort
from backend.services.errors import Invalid
from backend.services.records.list_query import ListQuery
from backend.services.records.lists import RecordPage
from backend.services.storage.conditions import Triple
from backend.services.storage.full_text import read_terms
from backend.services.storage.operators import OF_VALUES
from backend.utils.problems import Problem

MAX_REACH = 100_000  # records up to the end of a page; skipping more would be too slow
MAX_FILTERS = 32  # peewee builds nested conditions recursively: some 400 fill Python's stack
PAGE_PARAMETERS = ("page", "per_page", "count", "cursor")
NO_FILTERS = (*PAGE_PARAMETERS, "sort", "q", "fields", EXPAND, "where")


def list_query(arguments: Mapping[str, Any], searched: Sequence[str] = ()) -> ListQuery:
    """Return the ListQuery of the loaded parameters. Each parameter that is not in NO_FILTERS is a filter.

    `searched` are the fields of a full-text search. Raises Invalid if there are too many filters, or if the page is
    beyond MAX_REACH.
    """
    _require_within_reach(arguments)
    text = (arguments.get("q") or "").strip()
    fields = arguments.get("fields")
    return ListQuery(
        filters=_filters({name: value for name, value in arguments.items() if _is_filter(name)}),
        where=arguments.get("where"),
        terms=read_terms(text) if text else None,
        searched=tuple(searched),
        sort=read_sort(arguments.get("sort", ())),
        fields=tuple(fields) if fields else None,
        expand=expand_query(arguments),
        **{name: arguments[name] for name in PAGE_PARAMETERS if name in arguments},
    )


def _is_filter(name: str) -> bool:
    return name not in NO_FILTERS and not is_option(name)


def _filters(arguments: Mapping[str, Any]) -> tuple[Triple, ...]:
    if len(arguments) > MAX_FILTERS:
        problem = Problem("too_many", f"A request has at most {MAX_FILTERS} filters.", limit=MAX_FILTERS)
        raise Invalid({"_schema": [problem]}, location="query")
    filters = []
    for name, value in arguments.items():
        field, _, operator = name.partition("__")
        filters.append((field, operator or "eq", tuple(value) if operator in OF_VALUES else value))
    return tuple(sorted(filters, key=lambda condition: condition[:2]))


def _require_within_reach(arguments: Mapping[str, Any]) -> None:
    """Raise Invalid if the page ends beyond MAX_REACH: reading it would need much time and memory."""
    if arguments.get("page", 1) * arguments.get("per_page", 1) > MAX_REACH:
        why = f"Pages reach only the first {MAX_REACH:,} records: `page` times `per_page`."
        advice = "To read on, pass `meta.next_cursor` as `cursor`, or narrow the list by filters."
        raise Invalid({"page": [Problem("too_large", f"{why} {advice}", limit=MAX_REACH)]}, "query")


def page_answer(query: ListQuery, page: RecordPage, changes_cursor: str | None = None) -> Answer:
    """Return the Answer with the rows of a RecordPage; `changes_cursor` is from before they were read."""
    number = query.page if query.cursor is None else None
    total, at_least = page.total
    meta = list_meta(
        page=number,
        per_page=query.per_page,
        total=total,
        next_cursor=page.next_cursor,
        at_least=at_least,
        changes_cursor=changes_cursor,
    )
    return json_answer(f"[{','.join(page.items)}]", "OK", meta=json.dumps(meta))
