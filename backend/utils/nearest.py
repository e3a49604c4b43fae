"""Finds the name that a misspelled one most likely means, within bounds: clients can send any number of wrong names."""

from collections.abc import Iterable
from contextvars import ContextVar
from difflib import SequenceMatcher
from functools import lru_cache
from heapq import nlargest
from itertools import islice

MAX_LENGTH = 64  # characters of a misspelled name: finding the nearest takes time that grows with its length
MAX_NAMES = 1_000  # that are compared with it
COMPARED = 5  # names that have most pairs of letters in common with it are compared letter by letter
CUTOFF = 0.75  # how much of two names must be alike, from 0 to 1
SEARCHES_OF_A_REQUEST = 20

# How many searches the current request may still make; None outside a request.
searches_left: ContextVar[int | None] = ContextVar("searches_left", default=None)


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the one of `names` that is most like `name` but not equal; None if none is. Case makes no difference.

    Also returns None after SEARCHES_OF_A_REQUEST, without a look at `names`.
    """
    left = searches_left.get()
    if left == 0 or not 0 < len(name) <= MAX_LENGTH:
        return None
    if left is not None:
        searches_left.set(left - 1)
    key = _key(name)
    pairs = _pairs(key)
    by_key = {_key(known): known for known in islice(names, MAX_NAMES) if known != name}
    candidates = nlargest(COMPARED, by_key, key=lambda known: _likeness(pairs, _pairs(known)))
    ratio, found = max(((SequenceMatcher(None, key, known).ratio(), known) for known in candidates), default=(0, ""))
    return by_key[found] if ratio >= CUTOFF else None


def _key(name: str) -> str:
    return name[:MAX_LENGTH].casefold().replace("-", "_").replace(" ", "_")


@lru_cache(maxsize=4096)
def _pairs(key: str) -> frozenset[str]:
    """Return the letters of a name, and each pair of neighbours."""
    return frozenset((*key, *map("".join, zip(key, key[1:], strict=False))))


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / (len(one) + len(other))
