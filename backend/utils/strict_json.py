"""Strict JSON: refuses NaN and repeated keys, with error messages for people, and keeps the text of numbers."""

import codecs
import json
import re
from typing import Any

_TYPE_NAMES = {
    list: "an array",
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    type(None): "null",
    dict: "an object",
}

# What is wrong, by the beginning of the parser's message and a pattern at the place where it stopped; the first counts.
_CAUSES = [
    ("Unterminated", "", "the quote that ends this text is missing"),
    ("Invalid control", "", "a line break or tab within a text must be written as \\n or \\t"),
    ("Invalid \\", "", "a backslash in a text must be written as \\\\, and \\u has four hexadecimal digits"),
    ("Extra data", "[}\\]]", "this closing bracket is one too many"),
    ("Extra data", "", "there is more text after the end of the JSON"),
    ("", r"\s*$", "the text ends too early; a closing bracket or a value is missing"),
    ("", "['‘’“”«»„`]", "names and texts must be in straight double quotes"),
    ("", "//|/\\*|#", "JSON has no comments"),
    ("", "(True|False|None|undefined|nan)\\b", "write true, false or null, in lower case"),
    ("Expecting property name", "[}\\]]|,\\s*[}\\]]", "a comma before a closing bracket is not allowed"),
    ("Illegal trailing comma", "", "a comma before a closing bracket is not allowed"),
    ("Expecting property name", "", "a name must be here, in double quotes"),
    ("Expecting ':'", "", "a colon must be here, between the name and its value"),
    ("Expecting ','", r"(?<=\b0)\d", "a number has no leading zeros"),
    ("Expecting ','", "", "a comma or a closing bracket must be here"),
    ("Expecting value", "\\]", "a comma before a closing bracket is not allowed"),
    ("", "", "a value must be here: a text in double quotes, a number, true, false, null, an object or an array"),
]
_SHOWN_CHARACTERS = 80  # of a key in a message
_TEXT = r'"(?:[^"\\]|\\.)*"'
_TOKEN = re.compile(rf"(?P<key>{_TEXT})\s*:|{_TEXT}|[{{}}]|(?P<constant>NaN|-?Infinity)")


class JsonNumber(float):
    """A number that has a fraction or an exponent in a JSON text, and how it is written there.

    It is a float for everything but decimals, which would lose digits as floats.
    """

    __slots__ = ("text",)

    text: str

    @classmethod
    def written(cls, text: str) -> "JsonNumber":
        """Return the number that is written like this."""
        number = cls(text)
        number.text = text
        return number


def read_json(text: str, *, has_lines: bool = False) -> Any:
    """Return the value of a JSON text. Raises ValueError with a message for people if it is not valid.

    The message has the column of the error. If the text `has_lines` or a line break, it also has the line.
    """
    try:
        return _decoder.decode(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"Not JSON at {_place(text, error.pos, has_lines)}: {_cause(error)}.") from error
    except RecursionError as error:
        raise ValueError("The JSON is nested too deeply.") from error
    except _Refused as error:
        raise ValueError(_explain_refusal(text, has_lines)) from error
    except ValueError as error:  # Python limits the number of digits of an integer
        raise ValueError("A number has too many digits.") from error


def read_body(body: bytes) -> Any:
    """Return the value of JSON in UTF-8. Raises ValueError with a message for people if it is not valid."""
    return read_json(read_text(body, "JSON"), has_lines=True)


def read_text(body: bytes, form: str) -> str:
    """Return a body in UTF-8 as text. Raises ValueError with a message for people if it is none, or is empty.

    `form` is the name of what was expected.
    """
    if body.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in body[:2]:
        raise ValueError("The body is in UTF-16; send it in UTF-8.")
    body = body.removeprefix(codecs.BOM_UTF8)
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        wrong = body[error.start]
        raise ValueError(f"The body is not UTF-8: byte {error.start + 1:,} is 0x{wrong:02X}.") from error
    if not text.strip():
        raise ValueError(f"The body is empty; {form} was expected.")
    return text


def read_object(text: str) -> dict[str, Any]:
    """Return the JSON object of a text. Raises ValueError with a message for people if it is not valid."""
    value = read_json(text)
    if not isinstance(value, dict):
        raise ValueError(explain_no_object(value))
    return value


def explain_no_object(value: Any) -> str:
    """Return the message for a JSON value that should be an object."""
    kind = next(name for cls, name in _TYPE_NAMES.items() if isinstance(value, cls))
    return f"An object was expected, not {kind}."


class _Refused(ValueError):
    """A constant, or an object with a repeated key. The parser does not say where it is."""


def _refuse_constant(name: str) -> None:
    raise _Refused


def _refuse_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object. Raises _Refused for a repeated key, because `json` would silently keep only one value."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise _Refused
    return result


# Made once, since making one takes longer than reading a small body.
_decoder = json.JSONDecoder(
    parse_float=JsonNumber.written, parse_constant=_refuse_constant, object_pairs_hook=_refuse_repeats
)


def _place(text: str, position: int, has_lines: bool) -> str:
    line, column = text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)
    return f"line {line}, column {column}" if has_lines or "\n" in text.strip() else f"column {column}"


def _cause(error: json.JSONDecodeError) -> str:
    """Return what is wrong at the position of an error."""
    return next(
        cause
        for beginning, pattern, cause in _CAUSES
        if error.msg.startswith(beginning) and re.compile(pattern).match(error.doc, error.pos)
    )


def _explain_refusal(text: str, has_lines: bool) -> str:
    """Return the message for the first constant or repeated key of a text; the parser does not say where it is."""
    objects: list[set[str]] = []  # the keys so far of the objects that are open
    for match in _TOKEN.finditer(text):
        if match["key"] is not None:
            key = json.loads(match["key"])
            if key in objects[-1]:
                shown = key[:_SHOWN_CHARACTERS]
                return f"The key {shown} is given twice, the second time at {_place(text, match.start(), has_lines)}."
            objects[-1].add(key)
        elif match[0] == "{":
            objects.append(set())
        elif match[0] == "}":
            objects.pop()
        elif match["constant"]:
            return f"Not JSON at {_place(text, match.start(), has_lines)}: {match[0]} is not a number of JSON."
    raise AssertionError("nothing is refused")
