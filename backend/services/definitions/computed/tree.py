"""Parses the expression of a computed field into a tree.

expression = term, {("+" | "-"), term};    term = factor, {("*" | "/"), factor};
factor = ["-"], value;
value = number | text | field | function, "(", expression, {",", expression}, ")" | "(", expression, ")";
"""

from dataclasses import dataclass
from functools import lru_cache

from backend.services.definitions.computed.tokens import END, ExpressionError, Token, read_tokens

MAX_DEPTH = 20


@dataclass(frozen=True)
class Number:
    """A number without a sign, as it is written."""

    digits: str


@dataclass(frozen=True)
class Text:
    """A text in quotes."""

    value: str


@dataclass(frozen=True)
class FieldValue:
    """The value of a field of the record."""

    name: str


@dataclass(frozen=True)
class Calculation:
    """Two numbers with one of `+ - * /` between them."""

    operator: str
    left: "Part"
    right: "Part"


@dataclass(frozen=True)
class Call:
    """A function with its arguments."""

    function: str
    arguments: tuple["Part", ...]


Part = Number | Text | FieldValue | Calculation | Call


@lru_cache(maxsize=512)
def parse(expression: str) -> Part:
    """Return the tree of an expression. Raises ExpressionError."""
    return _Parser(read_tokens(expression)).parse()


def names_in(part: Part) -> set[str]:
    """Return the names of the fields in a tree."""
    if isinstance(part, FieldValue):
        return {part.name}
    if isinstance(part, Calculation):
        return names_in(part.left) | names_in(part.right)
    return set().union(*map(names_in, part.arguments)) if isinstance(part, Call) else set()


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._next = self._depth = 0

    def parse(self) -> Part:
        part = self._expression()
        if self._token.kind != END:
            raise self._unexpected()
        return part

    @property
    def _token(self) -> Token:
        return self._tokens[self._next]

    def _take(self, *symbols: str) -> str | None:
        """Skip the next token and return it if it is one of these symbols, else return None."""
        token = self._token
        if token.kind != "symbol" or token.text not in symbols:
            return None
        self._next += 1
        return token.text

    def _require(self, symbol: str) -> None:
        if self._take(symbol) is None:
            raise self._unexpected()

    def _unexpected(self) -> ExpressionError:
        token = self._token
        if token.kind == END:
            return ExpressionError("Something is missing at the end.")
        return ExpressionError(f"Unexpected {token.text} at character {token.position + 1}.")

    def _expression(self) -> Part:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ExpressionError(f"Nested more than {MAX_DEPTH} deep.")
        part = self._term()
        while operator := self._take("+", "-"):
            part = Calculation(operator, part, self._term())
        self._depth -= 1
        return part

    def _term(self) -> Part:
        part = self._factor()
        while operator := self._take("*", "/"):
            part = Calculation(operator, part, self._factor())
        return part

    def _factor(self) -> Part:
        return Calculation("-", Number("0"), self._value()) if self._take("-") else self._value()

    def _value(self) -> Part:
        if self._take("("):
            part = self._expression()
            self._require(")")
            return part
        token = self._token
        if token.kind not in ("number", "name", "text"):
            raise self._unexpected()
        self._next += 1
        if token.kind == "number":
            return Number(token.text)
        if token.kind == "text":
            quote = token.text[0]
            return Text(token.text[1:-1].replace(quote * 2, quote))
        return self._call(token.text) if self._take("(") else FieldValue(token.text)

    def _call(self, function: str) -> Call:
        arguments = [self._expression()]
        while self._take(","):
            arguments.append(self._expression())
        self._require(")")
        return Call(function, tuple(arguments))
