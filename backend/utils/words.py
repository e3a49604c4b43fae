"""Texts as words, the same on every database: each database's own notion of a word is another one."""

import re
import unicodedata

MAX_WORD = 64  # characters; what is longer is no word that anybody looks for
MAX_WORDS = 20_000  # of one text
_WORD = re.compile(r"[^\W_]+")


def words(text):
    """Return the words of a text, in its order: folded case, without accents."""
    bare = "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    return [each[:MAX_WORD] for each in _WORD.findall(bare.casefold())[:MAX_WORDS]]
