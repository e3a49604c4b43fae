"""The range of all texts with a prefix, so that an index can find them."""


def prefix_end(prefix: str) -> str | None:
    """Return the end of the range: the smallest text (by code points) after all texts that begin with `prefix`.

    Returns None if there is no such text, because the prefix has only the greatest code point.
    """
    kept = prefix.rstrip("\U0010ffff")
    if not kept:
        return None
    following = ord(kept[-1]) + 1
    return kept[:-1] + chr(0xE000 if following == 0xD800 else following)  # skips the surrogates
