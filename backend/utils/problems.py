"""Problems: what is wrong with single values, as a text for people and a code for programs."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, TypeAlias, TypedDict, Unpack, cast

from marshmallow import ValidationError

Code: TypeAlias = Literal[
    "required",
    "null_not_allowed",
    "wrong_type",
    "bad_format",
    "not_a_choice",
    "too_long",
    "too_short",
    "too_many",
    "too_few",
    "too_small",
    "too_large",
    "too_precise",
    "duplicate",
    "not_unique",
    "not_found",
    "read_only",
    "check_failed",
    "unknown_field",
    "unknown_parameter",
    "unknown_column",
    "not_allowed",
    "reserved",
    "weak_password",
    "wrong_password",
    "token_invalid",
    "key_reused",
    "response_too_large",
    "forbidden",
    "stale",
    "not_written",
]  # docs/api/errors.md explains each


class Extras(TypedDict, total=False):
    """The members that a problem can have beside its code and its text, in JSON types."""

    limit: int | float | str  # that the value exceeds or does not reach
    choices: list[str]  # the values that are allowed
    expected: str  # the JSON type or the format
    pattern: str  # the regular expression that the text must match
    names: list[str]  # of what the problem is about, such as roles or fields
    suggestion: str  # the name that was most likely meant
    line: int  # of the YAML text
    place: str  # within the value or row, if the key of the problem does not say it


class Problem(str):
    """What is wrong with a value: a text that also has a `code` and, in `extras`, what a program needs to explain it.

    For example, `Problem("too_long", "Must have at most 10 characters.", limit=10)`. It is a text, so marshmallow takes
    it wherever it takes a message.
    """

    code: Code
    extras: Extras

    def __new__(cls, code: Code, text: str, **extras: Unpack[Extras]) -> "Problem":
        """Return the problem."""
        problem = super().__new__(cls, text)
        problem.code, problem.extras = code, extras
        return problem

    def __getnewargs__(self) -> tuple[Any, ...]:
        return self.code, str(self)

    def format(self, *_: object, **__: object) -> "Problem":
        """Return the problem unchanged: validators of marshmallow format their messages, and values may have braces."""
        return self

    def within(self, place: str) -> "Problem":
        """Return the problem of something that has this problem at a place within it."""
        inner = self.extras.get("place")
        extras: Extras = {**self.extras, "place": f"{place}.{inner}" if inner else place}
        return Problem(self.code, f"{place}: {self}", **extras)

    def with_text(self, text: str) -> "Problem":
        """Return the same problem with another text."""
        return Problem(self.code, text, **self.extras)

    def proposing(self, name: str | None) -> "Problem":
        """Return the same problem with the name that was most likely meant; unchanged if there is none."""
        if name is None:
            return self
        extras: Extras = {**self.extras, "suggestion": name}
        return Problem(self.code, f"{self} Did you mean {name}?", **extras)

    def to_dict(self) -> dict[str, Any]:
        """Return the problem in JSON types."""
        return {"code": self.code, "message": str(self), **self.extras}


REQUIRED = Problem("required", "A value is required.")
UNKNOWN_FIELD = Problem("unknown_field", "Unknown field.")
UNKNOWN_PARAMETER = Problem("unknown_parameter", "Unknown parameter.")
TAKEN = Problem("not_unique", "Already taken.")

# Problems by place: lists of them, in maps of field, option or number of an item.
Problems: TypeAlias = "Mapping[Any, Problems] | list[Problem]"


def problems_of(error: ValidationError) -> Problems:
    """Return the problems of an error of marshmallow, all of whose messages are Problems here."""
    return cast(Problems, error.messages)


def to_json(details: Any) -> Any:
    """Return details of an error in JSON types: each Problem in them as an object."""
    if isinstance(details, Problem):
        return details.to_dict()
    if isinstance(details, Mapping):
        return {key: to_json(value) for key, value in details.items()}
    return [*map(to_json, details)] if isinstance(details, list) else details


def to_texts(details: Any) -> Any:
    """Return details of an error with the texts of their problems, for people."""
    if isinstance(details, Mapping):
        return {key: to_texts(value) for key, value in details.items()}
    if isinstance(details, list):
        return [*map(to_texts, details)]
    return str(details) if isinstance(details, str) else details


def flatten(problems: Any) -> Iterator[Problem]:
    """Yield all problems, each with its place within the others."""
    if not isinstance(problems, Mapping):
        yield from problems
        return
    for place, inner in problems.items():
        for problem in flatten(inner):
            yield problem.within(str(place))


def one_problem(problems: Iterable[Problem]) -> Problem:
    """Return several problems of one value as one, which has the code of the first and all texts."""
    first, *more = problems
    return first.with_text("; ".join((first, *more))) if more else first
