"""Texts: whether both databases can store them, their size, and how messages show them."""

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
    """Return a value as messages show it: on one line, cut after `most` characters; texts are in quotes."""
    if isinstance(value, str):
        return f'"{printable(value, most)}"'
    return printable(json.dumps(value, ensure_ascii=False, default=str), most)


def printable(text: str, most: int = 60) -> str:
    """Return a text on one line: cut after `most` characters, with control characters escaped."""
    cut = text if len(text) <= most else f"{text[:most]}…"
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in cut)


def byte_count(text: str) -> int:
    """Return the number of bytes of a text in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())
