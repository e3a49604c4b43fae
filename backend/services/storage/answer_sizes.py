"""How many bytes the records of an answer may have: measured in the database, before their text is made and fetched.

Most resources need no measuring: what their fields may hold at the most is within the bound.
"""

from functools import reduce
from operator import add

from peewee import SQL, Case, Node, fn

from backend.config.settings import Settings
from backend.models.database import database
from backend.services.errors import Invalid
from backend.services.storage.listable import Listable
from backend.utils.texts import byte_count

FIELD_BYTES = 8  # quotes, colon and comma beside a field's name and value
MAX_KEPT = 64  # widths kept for each listable


class AnswerBound:
    """The most bytes that the records of an answer may have."""

    max_bytes = Settings.max_answer_bytes

    def open(self, settings: Settings) -> None:
        """Take the bound from the settings."""
        self.max_bytes = settings.max_answer_bytes


answer_bound = AnswerBound()


class TooLarge(Invalid):
    """The records or groups of a page have too many bytes; `fits` tells how many of them would do."""

    def __init__(self, sizes: list[int], bound: int, what: str = "record"):
        self.fits = _count_within(sizes, bound)
        if self.fits:
            advice = f"Ask for a `per_page` of at most {self.fits}, or for fewer fields."
            told = {"per_page": [f"These {len(sizes)} {what}s have {sum(sizes):,} bytes; {_may(bound)} {advice}"]}
        else:
            told = {"fields": [f"A {what} has {sizes[0]:,} bytes; {_may(bound)} Ask for fewer fields."]}
        super().__init__(told, location="query")


def may_be_too_large(listable: Listable, names: tuple | None, count: int) -> bool:
    """Tell whether so many records, of the named fields or all, could have more bytes than an answer may."""
    width = _width(listable, names)
    return width is None or width * count > answer_bound.max_bytes


def size(listable: Listable, names: tuple | None) -> Node:
    """Return the expression of about how many bytes a record's JSON takes."""
    kinds = [(name, listable.kinds[name]) for name in names or listable.kinds]
    fixed = sum(len(name) + FIELD_BYTES + (kind.most_bytes or 0 if _is_narrow(kind) else 0) for name, kind in kinds)
    measured = [
        fn.COALESCE(fn.octet_length(kind.as_text(listable.column(name), database.obj)), 0)
        for name, kind in kinds
        if not _is_narrow(kind)
    ]
    return reduce(add, measured, SQL(str(fixed)))


def bounded_json(listable: Listable, names: tuple | None, most: int) -> Node:
    """Return the expression of a record's JSON, NULL where it would have more bytes than `most`."""
    told, width = listable.json(names), _width(listable, names)
    if width is not None and width <= most:
        return told
    return Case(None, [(size(listable, names) <= SQL(str(most)), told)], None)


def require_fitting(record_json: str | None) -> None:
    """Raise Invalid for the NULL of bounded_json."""
    if record_json is None:
        raise Invalid({"_schema": [f"The record is too large: {_may(answer_bound.max_bytes)}"]})


def require_together(texts: list[str]) -> None:
    """Raise Invalid for texts that have more bytes together than an answer may have."""
    if sum(map(byte_count, texts)) > answer_bound.max_bytes:
        raise Invalid({"_schema": [f"The answer would be too large: {_may(answer_bound.max_bytes)}"]})


def _may(bound):
    return f"an answer may have {bound:,} (LARDER_MAX_ANSWER_BYTES)."


def _is_narrow(kind):
    return kind.most_bytes is not None and kind.most_bytes <= 64


def _width(listable, names):
    """Return how many bytes a record may have, None where nothing bounds it."""
    kept = listable.widths
    if names not in kept:
        if len(kept) >= MAX_KEPT:
            kept.clear()
        kinds = [(name, listable.kinds[name].most_bytes) for name in names or listable.kinds]
        bounded = all(most is not None for _, most in kinds)
        kept[names] = sum(len(name) + FIELD_BYTES + most for name, most in kinds) if bounded else None
    return kept[names]


def _count_within(sizes, bound):
    total = 0
    for count, each in enumerate(sizes):
        total += each
        if total > bound:
            return count
    return len(sizes)
