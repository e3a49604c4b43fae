"""Notations: how the values of a column are written in a file."""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

MAX_LENGTH = 100  # characters of a value that is written in another way; it bounds the time of the patterns


class Reading(NamedTuple):
    """A value as an export would write it, the names of the options that were needed, and the currency left out."""

    text: str
    options: tuple[str, ...] = ()
    currency: str = ""


@dataclass(frozen=True)
class Notation:
    """How values are written. The defaults are what an export writes.

    For example, `Notation(decimal=",", thousands=".")` reads `1.234,50` as `1234.50`.
    """

    decimal: str = "."  # or a comma
    thousands: str = ""  # the separator: a comma, a point, a space or an apostrophe
    percent: str = ""  # what happens to 12%: "strip" makes it 12, "divide" 0.12; otherwise it is refused
    currency: str = ""  # "strip" leaves signs and codes of currencies out
    zeros: str = ""  # "strip" makes 12.0 a whole number
    date_format: str = ""  # the order of day, month and year: "dmy", "mdy" or "ymd"; YYYY-MM-DD is always read
    true: tuple[str, ...] = ()  # words that mean true, without regard to case, in addition to "true"
    false: tuple[str, ...] = ()
    null: tuple[str, ...] = ()  # words that mean no value, exactly as they are written

    def only(self, names: Iterable[str]) -> "Notation":
        """Return the notation with the options of these names; the others have their defaults."""
        needed = {*names}
        if "thousands" in needed and self.thousands == ".":
            needed.add("decimal")  # which could not be a point, too
        return Notation(**{name: getattr(self, name) for name in needed})

    @property
    def changed(self) -> dict[str, Any]:
        """Map of name to value, for the options that differ from their defaults."""
        values = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        return {item.name: values[item.name] for item in dataclasses.fields(self) if values[item.name] != item.default}

    def __str__(self) -> str:
        """Return the options that differ from their defaults, such as `decimal=, thousands=.`."""
        return " ".join(f"{name}={_shown(value)}" for name, value in self.changed.items())


def _shown(value: str | tuple[str, ...]) -> str:
    return {" ": "space"}.get(value, value) if isinstance(value, str) else ",".join(value)
