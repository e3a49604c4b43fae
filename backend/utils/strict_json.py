"""JSON read strictly: NaN and repeated keys are refused, and errors say what is wrong."""

import json
from typing import Any

_KINDS = {
    list: "an array",
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    type(None): "null",
}


def read_json(text: str) -> Any:
    """Return the value of a JSON text; raise ValueError with a message for people."""
    try:
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_refuse_repeats)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}" if "\n" in text.strip() else f"column {error.colno}"
        raise ValueError(f"Not JSON at {place}: {error.msg}.") from error
    except RecursionError as error:
        raise ValueError("Not JSON that can be kept: nested too deeply.") from error
    except _Refused:
        raise
    except ValueError as error:  # Python's bound on the digits of an integer
        raise ValueError("A number has too many digits.") from error


def read_object(text: str) -> dict[str, Any]:
    """Return the JSON object of a text; raise ValueError with a message for people."""
    found = read_json(text)
    if not isinstance(found, dict):
        raise ValueError(f"An object was expected, not {_KINDS[type(found)]}.")
    return found


class _Refused(ValueError):
    pass


def _refuse_constant(name: str) -> None:
    raise _Refused(f"{name} is not JSON.")


def _refuse_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object; of two values under one key `json` would keep the last without a warning."""
    read = dict(pairs)
    if len(read) != len(pairs):
        raise _Refused(f"The key {_first_repeated(pairs)[:80]} is given twice.")
    return read


def _first_repeated(pairs: list[tuple[str, Any]]) -> str:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            return key
        seen.add(key)
    raise AssertionError("no key is repeated")
