"""Splits the expression of a computed field into tokens."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

_TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<number>[0-9]{1,18}(?:\.[0-9]{1,18})?(?![0-9.]))|(?P<name>[a-z][a-z0-9_]*)"
    r"""|(?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")|(?P<symbol>[-+*/(),])"""
)
END = "end"
MAX_TOKENS = 100


class ExpressionError(ValueError):
    """An expression is not valid; the text is a sentence that says why."""


class Token(NamedTuple):
    """A part of an expression: its kind (`number`, `name`, `text`, `symbol`, or END), its text and its position."""

    kind: str
    text: str
    position: int


def read_tokens(expression: str) -> list[Token]:
    """Return the tokens of an expression, and one of the kind END. Raises ExpressionError."""
    tokens = [token for token in _split(expression) if token.kind != "space"]
    if len(tokens) > MAX_TOKENS:
        raise ExpressionError(f"Longer than {MAX_TOKENS} names, numbers, texts and signs.")
    return [*tokens, Token(END, "", len(expression))]


def rename_fields(expression: str, new_names: Mapping[str, str]) -> str:
    """Return the expression with the new names of fields, a map of old to new name; nothing else changes."""
    try:
        tokens = [*_split(expression)]
    except ExpressionError:
        return expression
    functions = {i for i, token in enumerate(tokens) if token.kind == "name" and _is_called(tokens[i + 1 :])}
    return "".join(
        new_names.get(token.text, token.text) if token.kind == "name" and i not in functions else token.text
        for i, token in enumerate(tokens)
    )


def _is_called(rest: list[Token]) -> bool:
    following = next((token for token in rest if token.kind != "space"), None)
    return following is not None and following.text == "("


def _split(expression: str) -> Iterator[Token]:
    position = 0
    while position < len(expression):
        found = _TOKEN.match(expression, position)
        if found is None or found.lastgroup is None:
            raise ExpressionError(f"Character {position + 1} cannot be read: {expression[position : position + 20]}")
        yield Token(found.lastgroup, found[0], position)
        position = found.end()
