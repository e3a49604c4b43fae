"""Limits the bytes of a response: records are measured in the database, before their JSON is written and fetched.

Most resources need no measuring: even the largest values of their fields are within the limit.
"""

from collections.abc import Iterable, Sequence
from functools import reduce
from itertools import accumulate
from operator import add

from peewee import SQL, Case, Cast, ColumnBase, Node, Select, fn

from backend.config.settings import Settings
from backend.models.database import database
from backend.services.errors import Invalid
from backend.services.storage.listable import Field, Listable, Names, Shown
from backend.services.storage.statements import slot
from backend.utils.problems import Problem
from backend.utils.texts import byte_count

FIELD_BYTES = 8  # quotes, colon and comma around a field's name and value
NARROW_BYTES = 64  # a field whose values are at most this long is not measured: each counts as the longest
MAX_KEPT = 64  # cached widths of each listable


class ResponseLimit:
    """The limit on the bytes of the records in a response."""

    max_bytes: int = Settings.max_answer_bytes

    def open(self, settings: Settings) -> None:
        """Take the limit from the settings."""
        self.max_bytes = settings.max_answer_bytes


response_limit = ResponseLimit()


class TooLarge(Invalid):
    """The records or groups of a page have too many bytes; `fits` is how many of them are within the bound."""

    def __init__(self, sizes: Sequence[int], bound: int, what: str = "record") -> None:
        self.fits = sum(so_far <= bound for so_far in accumulate(sizes))
        if self.fits:
            advice = f"Ask for a `per_page` of at most {self.fits}, or for fewer fields."
            text = f"These {len(sizes)} {what}s have {sum(sizes):,} bytes; {_may(bound)} {advice}"
        else:
            text = f"A {what} has {sizes[0]:,} bytes; {_may(bound)} Ask for fewer fields."
        problem = Problem("response_too_large", text, limit=self.fits or bound)
        super().__init__({"per_page" if self.fits else "fields": [problem]}, location="query")


def may_be_too_large(listable: Listable, names: Names, count: int, max_bytes: int | None = None) -> bool:
    """Return whether `count` records with these fields (None: all) could have more than `max_bytes`.

    By default that is the limit of a response.
    """
    width, most = _width(listable, names), response_limit.max_bytes if max_bytes is None else max_bytes
    return width is None or width * count > most


def size_of(listable: Listable, names: Names, shown: Shown) -> ColumnBase:
    """Return the SQL expression of the approximate size of a record's JSON in bytes."""
    fixed, measured = 0, []
    for name, value in listable.values(names, shown):
        field = listable.fields[name]
        fixed += len(name) + FIELD_BYTES
        if field.max_json_bytes is not None and field.max_json_bytes <= NARROW_BYTES:
            fixed += field.max_json_bytes
        else:
            text = field.as_text(value, database.obj)
            measured.append(fn.COALESCE(fn.octet_length(text), 0))
    return reduce(add, measured, SQL(str(fixed)))


def sized(
    listable: Listable, picked: Select, names: Names, shown: Shown, terms: Iterable[Node], *, is_ranked: bool = False
) -> Select:
    """Return the query of the picked ids, with the size of each record in bytes and the sum up to this record.

    They are in the order of `terms` or, if `is_ranked`, of their `score` and then `terms`.
    """
    each = size_of(listable, names, shown)
    scores = [picked.c.score] if is_ranked else []
    columns = [picked.c.id.alias("id"), *(score.alias("score") for score in scores)]
    so_far = fn.SUM(each).over(order_by=[*scores, *terms])
    rows = listable.model.select(*columns, each.alias("size"), so_far.alias("so_far"))
    return rows.join(picked, on=(picked.c.id == listable.column("id"))).alias("sized")


def if_within(sizes: Select, record_json: ColumnBase) -> dict[str, ColumnBase]:
    """Return the expressions of a record's JSON and size. The JSON is NULL once `so_far` is over `most`."""
    within = Case(None, [(sizes.c.so_far <= slot("most"), record_json)], None)
    return {"record": within, "size": Cast(sizes.c.size, "TEXT")}


def bounded_json(listable: Listable, names: Names, max_bytes: int, shown: Shown = ()) -> Node:
    """Return the expression of a record's JSON. It is NULL if the JSON is larger than `max_bytes`."""
    record_json, width = listable.json(names, shown), _width(listable, names)
    if width is not None and width <= max_bytes:
        return record_json
    return Case(None, [(size_of(listable, names, shown) <= SQL(str(max_bytes)), record_json)], None)


def require_fitting(record_json: str | None) -> str:
    """Return the JSON of bounded_json; raise Invalid for NULL."""
    if record_json is None:
        raise _too_large("The record is too large")
    return record_json


def require_together(texts: Iterable[str]) -> None:
    """Raise Invalid if the texts together have more bytes than a response may have."""
    if sum(map(byte_count, texts)) > response_limit.max_bytes:
        raise _too_large("The response would be too large")


def _too_large(what: str) -> Invalid:
    limit = response_limit.max_bytes
    return Invalid({"_schema": [Problem("response_too_large", f"{what}: {_may(limit)}", limit=limit)]})


def _may(bound: int) -> str:
    return f"a response may have {bound:,} (LARDER_MAX_ANSWER_BYTES)."


def _width(listable: Listable, names: Names) -> int | None:
    """Return the largest possible size of a record in bytes; None if there is no limit."""
    kept = listable.widths
    if names not in kept:
        if len(kept) >= MAX_KEPT:
            kept.clear()
        kept[names] = _find_width((name, listable.fields[name]) for name in names or listable.answered)
    return kept[names]


def _find_width(fields: Iterable[tuple[str, Field]]) -> int | None:
    width = 0
    for name, field in fields:
        if field.max_json_bytes is None:
            return None
        width += len(name) + FIELD_BYTES + field.max_json_bytes
    return width
