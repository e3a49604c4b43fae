"""The words of a text, the same on both databases: their own notions of a word differ."""

import re
import unicodedata
from itertools import islice

MAX_WORD = 64  # characters; nobody searches for longer ones
MAX_WORDS = 20_000  # of one text
MAX_CHARACTERS = 500_000  # of one text
_WORD = re.compile(r"[^\W_]+")


class _Bare(dict[int, str]):
    """Maps the number of a character to its folded form without accents."""

    def __missing__(self, number: int) -> str:
        parts = unicodedata.normalize("NFKD", chr(number))
        bare = "".join(each for each in parts if not unicodedata.combining(each)).casefold()
        if number < 0x10000:  # the rest is too much to remember
            self[number] = bare
        return bare


_BARE = _Bare()


def words(text: str, max_bytes: int | None = None) -> list[str]:
    """Return the words at the beginning of a text, in its order: folded case, without accents.

    Together they have at most `max_bytes` in UTF-8. Every character is looked at by itself: to normalise a text as a
    whole puts its accents in order, which takes a time that grows with the square of their number.
    """
    found, size = [], 0
    for match in islice(_WORD.finditer(text[:MAX_CHARACTERS].translate(_BARE)), MAX_WORDS):
        word = match[0][:MAX_WORD]
        size += len(word.encode())
        if max_bytes is not None and size > max_bytes:
            break
        found.append(word)
    return found
