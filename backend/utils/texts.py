"""Texts that both databases can keep, and values shown in messages."""

import json


def unstorable_reason(text: str) -> str | None:
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


def shown(value: object, most: int = 60) -> str:
    """Return a value in quotes for a message: on one line, cut where it is long."""
    if isinstance(value, str):
        return f'"{printable(value, most)}"'
    return printable(json.dumps(value, ensure_ascii=False, default=str), most)


def printable(text: str, most: int = 60) -> str:
    """Return a text on one line, cut where it is long."""
    cut = text if len(text) <= most else f"{text[:most]}…"
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in cut)


def byte_count(text: str) -> int:
    """Return how many bytes a text has in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())
