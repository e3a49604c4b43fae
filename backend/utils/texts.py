"""Which texts both databases can keep."""


def unstorable_reason(text):
    """Return why `text` cannot be stored, or None.

    Postgres refuses NUL, and neither database can encode half of a surrogate pair.
    """
    if "\0" in text:
        return "NUL characters are not allowed."
    try:
        text.encode()
    except UnicodeEncodeError:
        return "Lone surrogates are not allowed."
    return None
