"""Finds the name that a misspelled one most likely means."""

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice

MAX_LENGTH = 64  # characters of a misspelled name: finding the nearest takes time that grows with its length
MAX_NAMES = 1_000  # that are compared with it


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the one of `names` that is most like `name` but not equal; None if none is. Case makes no difference."""
    if not 0 < len(name) <= MAX_LENGTH:
        return None
    by_key = {_key(known): known for known in islice(names, MAX_NAMES) if known != name}
    found = get_close_matches(_key(name), by_key, n=1, cutoff=0.75)
    return by_key[found[0]] if found else None


def _key(name: str) -> str:
    return name.casefold().replace("-", "_").replace(" ", "_")
