"""Finds the name that a misspelled one most likely means."""

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice

MAX_LENGTH = 64  # characters of a misspelled name: finding the nearest takes time that grows with its length
MAX_NAMES = 1_000  # that are compared with it


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the one of `names` that is most like `name`; None if none is. Upper and lower case are the same."""
    if not 0 < len(name) <= MAX_LENGTH:
        return None
    by_key = {_key(known): known for known in islice(names, MAX_NAMES)}
    found = get_close_matches(_key(name), by_key, n=1, cutoff=0.7)
    return by_key[found[0]] if found else None


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return the sentence that proposes the nearest name, after a space; an empty text if no name is near."""
    found = nearest(name, names)
    return f" Did you mean {found}?" if found else ""


def _key(name: str) -> str:
    return name.casefold().replace("-", "_").replace(" ", "_")
