"""Lists in a query string: a literal comma separates values, an encoded one is part of a value."""

from collections.abc import Iterator
from urllib.parse import unquote_plus


def read_pairs(query: bytes) -> Iterator[tuple[str, str]]:
    """Yield each name of a query string with its value as it came, not decoded."""
    for part in query.decode("latin-1").split("&"):
        if part:
            name, _, value = part.partition("=")
            yield unquote_plus(name), value


def split_values(text: str) -> list[str]:
    """Return the values of a list that is not decoded yet, each decoded; none of an empty text."""
    return [unquote_plus(value) for value in text.split(",")] if text else []
