"""The data that all servers have: 10,000 notes in ten categories, the same twice with full-text search, and drafts."""

import functools
import random

COUNT, CATEGORIES = 10_000, 10
WORDS_OF_BODY, VOCABULARY = 30, 1_000
SOUGHT = "w007"  # in some 300 of 10,000 bodies


def categories():
    """Return the names of all categories."""
    return [f"category {number}" for number in range(CATEGORIES)]


@functools.cache
def notes(count=COUNT, seed=1):
    """Return notes as dicts: `title`, `body`, `priority` from 1 to 5, `done`, and the number of their `category`."""
    chosen = random.Random(seed)
    return [
        {
            "title": f"Note {chosen.randrange(count):05} of a member",
            "body": " ".join(f"w{chosen.randrange(VOCABULARY):03}" for _ in range(WORDS_OF_BODY)),
            "priority": chosen.randrange(1, 6),
            "done": chosen.random() < 0.5,
            "category": chosen.randrange(CATEGORIES),
        }
        for _ in range(count)
    ]
