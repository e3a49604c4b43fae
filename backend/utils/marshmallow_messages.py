"""Replaces the messages of marshmallow's fields, schemas and validators by Problems, when this module is imported.

Fields copy their messages when they are created. So the package imports this module before any other.
"""

from collections.abc import Callable, Sized
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from backend.utils.nearest import nearest
from backend.utils.problems import REQUIRED, UNKNOWN_FIELD, Problem
from backend.utils.unknown_fields import propose_field

WRAPPERS = ("data", "record", "item", "attributes", "body", "values")  # around the fields in other products
SOME_UUID = "01890a5d-ac96-774b-bcce-b302099a8057"


class _Message(str):
    """A message that becomes a Problem when a validator formats it with the value and its limits."""

    make: Callable[..., Problem]

    def __new__(cls, make: Callable[..., Problem]) -> "_Message":
        message = super().__new__(cls, make.__name__)
        message.make = make
        return message

    def format(self, *_: object, **values: Any) -> Any:
        """Return the Problem. `Range` formats its messages twice, at first without a value."""
        return self if values.keys() & {"min_op", "max_op"} else self.make(**values)


def _explain_length(*, input: Sized, min: int | None, max: int | None, equal: int | None) -> Problem:  # noqa: A002
    least, most = (equal, equal) if equal is not None else (min, max)
    is_text = isinstance(input, str)
    unit = "character" if is_text else "value"
    is_short = least is not None and len(input) < least
    limit = least if is_short else most
    assert limit is not None
    bound = "" if least == most else "at least " if is_short else "at most "
    text = f"Must have {bound}{limit:,} {unit}{'' if limit == 1 else 's'}."
    if is_text:
        return Problem("too_short" if is_short else "too_long", text, limit=limit)
    return Problem("too_few" if is_short else "too_many", text, limit=limit)


def _explain_range(*, input: Any, min: Any, max: Any) -> Problem:  # noqa: A002
    if min is not None and input < min:
        return Problem("too_small", f"Must be {min} or more.", limit=min)
    return Problem("too_large", f"Must be {max} or less.", limit=max)


def _explain_choice(*, input: Any, choices: str, labels: str) -> Problem:  # noqa: A002
    names = choices.split(", ")
    problem = Problem("not_a_choice", f"Must be one of: {choices}.", choices=names)
    return problem.proposing(nearest(input, names)) if isinstance(input, str) else problem


def _explain_equal(*, input: Any, other: Any) -> Problem:  # noqa: A002
    return Problem("not_a_choice", f"Must be {other}.", choices=[str(other)])


def _explain_pattern(*, input: Any, regex: str) -> Problem:  # noqa: A002
    return Problem("bad_format", f"Does not match the pattern {regex}.", pattern=regex)


def _explain_url(*, input: str = "") -> Problem:  # noqa: A002
    if not input.lower().startswith(("http://", "https://")):
        return Problem("bad_format", "Must begin with http:// or https://.", expected="uri")
    return Problem("bad_format", "Must be a web address such as https://example.com/page.", expected="uri")


def _explain_email(*, input: str = "") -> Problem:  # noqa: A002
    return Problem("bad_format", "Must be an e-mail address such as ada@example.com.", expected="email")


FIELD_MESSAGES: dict[type[fields.Field[Any]], dict[str, str]] = {
    fields.Field: {
        "required": REQUIRED,
        "null": Problem("null_not_allowed", "Must not be null."),
        "validator_failed": Problem("not_allowed", "This value is not allowed."),
    },
    fields.Nested: {"type": Problem("wrong_type", "Must be an object.", expected="object")},
    fields.List: {"invalid": Problem("wrong_type", "Must be an array.", expected="array")},
    fields.Mapping: {"invalid": Problem("wrong_type", "Must be an object.", expected="object")},
    fields.String: {
        "invalid": Problem("wrong_type", "Must be a text.", expected="string"),
        "invalid_utf8": Problem("bad_format", "Must be UTF-8.", expected="utf-8"),
    },
    fields.UUID: {"invalid_uuid": Problem("bad_format", f"Must be a UUID such as {SOME_UUID}.", expected="uuid")},
    fields.Number: {
        "invalid": Problem("wrong_type", "Write a number such as 1.5.", expected="number"),
        "too_large": Problem("too_large", "The number is too large."),
    },
    fields.Integer: {"invalid": Problem("wrong_type", "Write a whole number such as 12.", expected="integer")},
    fields.Float: {"special": Problem("wrong_type", "NaN and infinite numbers are not allowed.", expected="number")},
    fields.Url: {"invalid": _Message(_explain_url)},
    fields.Email: {"invalid": _Message(_explain_email)},
    fields.Boolean: {"invalid": Problem("wrong_type", "Write true or false.", expected="boolean")},
}


def _name_unknown_fields(schema: Schema, error: ValidationError, data: Any, **_: Any) -> None:
    """Propose the nearest name for each unknown field; marshmallow calls this before it raises the error."""
    problems = error.messages
    known = [name if field.data_key is None else field.data_key for name, field in schema.load_fields.items()]
    for name, found in problems.items() if isinstance(problems, dict) else ():
        if found == [schema.error_messages["unknown"]]:
            is_wrapper = isinstance(data, dict) and len(data) == 1 and isinstance(data[name], dict)
            problem = found[0].with_text(f"{found[0]} Send the fields without {name} around them.")
            problems[name] = [problem if is_wrapper and name in WRAPPERS else propose_field(found[0], name, known)]


def _replace_messages() -> None:
    for field, messages in FIELD_MESSAGES.items():
        field.default_error_messages = field.default_error_messages | messages
    Schema.error_messages = {
        "type": Problem("wrong_type", "Must be an object.", expected="object"),
        "unknown": UNKNOWN_FIELD,
    }
    Schema.handle_error = _name_unknown_fields  # type: ignore[assignment]
    length, bounds = _Message(_explain_length), _Message(_explain_range)
    validate.Length.message_min = validate.Length.message_max = length
    validate.Length.message_all = validate.Length.message_equal = length
    validate.Range.message_min = validate.Range.message_max = validate.Range.message_all = bounds
    validate.OneOf.default_message = _Message(_explain_choice)
    validate.Equal.default_message = _Message(_explain_equal)
    validate.Regexp.default_message = _Message(_explain_pattern)
    validate.URL.default_message = _Message(_explain_url)
    validate.Email.default_message = _Message(_explain_email)


_replace_messages()
