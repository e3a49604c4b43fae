"""Reading the Cookie header."""


def cookie_value(header: str, name: str) -> str | None:
    """Return the value of the first cookie of this name, or None.

    Other cookies are ignored, even malformed ones: other programs on the same host may have set them.
    """
    for pair in header.split(";"):
        found, _, value = pair.partition("=")
        if found.strip(" \t") == name:
            return value.strip(" \t")
    return None
