"""Texts that begin alike, as a range."""


def prefix_end(prefix: str) -> str | None:
    """Return the least text greater, by code points, than every text that begins with `prefix`; None without one."""
    kept = prefix.rstrip("\U0010ffff")
    if not kept:
        return None
    following = ord(kept[-1]) + 1
    return kept[:-1] + chr(0xE000 if following == 0xD800 else following)  # over the gap of the surrogates
