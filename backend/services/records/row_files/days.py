"""Days and moments as files write them: day first, month first or year first."""

import datetime
import re
from collections.abc import Callable

from backend.services.records.row_files.notations import MAX_LENGTH, Notation, Reading

ORDERS = ("ymd", "dmy", "mdy")
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PARTS = re.compile(r"([0-9]{1,4})([./-]) ?([0-9]{1,2})\2 ?([0-9]{1,4})")
_COMPACT = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_SHORT_YEAR = re.compile(r"[0-9]{1,2}([./-])[0-9]{1,2}\1[0-9]{2}")
_MOMENT = re.compile(r"(\S{6,12})[Tt ]+(\S.*)")


def day_reader(notation: Notation) -> Callable[[str], Reading | None]:
    """Return the function that reads a day, as `YYYY-MM-DD`."""
    order = notation.date_format

    def read(text: str) -> Reading | None:
        text = text.strip()
        if _ISO.fullmatch(text):
            return Reading(text)
        day = _read_day(text, order) if order else None
        return Reading(day, ("date_format",)) if day else None

    return read


def moment_reader(notation: Notation) -> Callable[[str], Reading | None]:
    """Return the function that reads a day and a time, of which only the day is converted."""
    read_day = day_reader(notation)

    def read(text: str) -> Reading | None:
        found = _MOMENT.fullmatch(text.strip()) if len(text) <= MAX_LENGTH else None
        day = found and read_day(found[1])
        return Reading(f"{day.text}T{found[2]}", day.options) if found and day else None

    return read


def has_short_year(text: str) -> bool:
    """Return whether the text is a day whose year has two digits, which no order reads."""
    return bool(_SHORT_YEAR.fullmatch(text.strip()))


def _read_day(text: str, order: str) -> str | None:
    """Return a day in an order of year, month and day as `YYYY-MM-DD`; None if it is none."""
    found = _PARTS.fullmatch(text)
    parts = (found[1], found[3], found[4]) if found else ()
    if not parts and order == "ymd" and (compact := _COMPACT.fullmatch(text)):
        parts = (compact[1], compact[2], compact[3])
    if not parts:
        return None
    by_letter = dict(zip(order, parts, strict=True))
    if len(by_letter["y"]) != 4 or len(by_letter["m"]) > 2 or len(by_letter["d"]) > 2:
        return None
    try:
        return datetime.date(*(int(by_letter[letter]) for letter in "ymd")).isoformat()
    except ValueError:
        return None
