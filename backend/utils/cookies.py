"""Reading the Cookie header."""


def cookie_value(header, name):
    """Return the value of the first cookie of this name, or None.

    Other cookies are ignored, whatever their bytes: other programs of the same host set them.
    """
    for pair in header.split(";"):
        found, _, value = pair.partition("=")
        if found.strip(" \t") == name:
            return value.strip(" \t")
    return None
