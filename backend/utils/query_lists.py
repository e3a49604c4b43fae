"""Lists in a query string: a literal comma separates values, an encoded comma (`%2C`) is part of a value."""

from collections.abc import Iterator
from urllib.parse import unquote_plus


def read_pairs(query: bytes) -> Iterator[tuple[str, str]]:
    """Yield (name, value) for each parameter of a query string; the name is decoded, the value is not."""
    for part in query.decode("latin-1").split("&"):
        if part:
            name, _, value = part.partition("=")
            yield unquote_plus(name), value


def split_values(text: str) -> list[str]:
    """Split an encoded value at its literal commas, and return the decoded parts; an empty text has none."""
    return [unquote_plus(value) for value in text.split(",")] if text else []
