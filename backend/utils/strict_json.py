"""Strict JSON: refuses NaN and repeated keys, with error messages for people."""

import json
from typing import Any

_TYPE_NAMES = {
    list: "an array",
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    type(None): "null",
}


def read_json(text: str) -> Any:
    """Return the value of a JSON text. Raises ValueError with a message for people if it is not valid."""
    try:
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_refuse_repeats)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}" if "\n" in text.strip() else f"column {error.colno}"
        raise ValueError(f"Not JSON at {place}: {error.msg}.") from error
    except RecursionError as error:
        raise ValueError("The JSON is nested too deeply.") from error
    except _Refused:
        raise
    except ValueError as error:  # Python limits the number of digits of an integer
        raise ValueError("A number has too many digits.") from error


def read_object(text: str) -> dict[str, Any]:
    """Return the JSON object of a text. Raises ValueError with a message for people if it is not valid."""
    value = read_json(text)
    if not isinstance(value, dict):
        raise ValueError(f"An object was expected, not {_TYPE_NAMES[type(value)]}.")
    return value


class _Refused(ValueError):
    pass


def _refuse_constant(name: str) -> None:
    raise _Refused(f"{name} is not JSON.")


def _refuse_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object. Raises _Refused for a repeated key, because `json` would silently keep only one value."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise _Refused(f"The key {_first_repeated(pairs)[:80]} is given twice.")
    return result


def _first_repeated(pairs: list[tuple[str, Any]]) -> str:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            return key
        seen.add(key)
    raise AssertionError("no key is repeated")
