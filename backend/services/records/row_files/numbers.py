"""Numbers as files write them: decimal commas, separators of thousands, percent signs, currencies."""

import re
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from backend.services.records.row_files.notations import MAX_LENGTH, Notation, Reading

SPACES, APOSTROPHES = " \u00a0\u2009\u202f", "'\u2019"  # that separate thousands, as programs write them
_CODES = "USD|EUR|GBP|CHF|JPY|CNY|INR|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|RON|BRL|MXN|ZAR|TRY|KRW|SGD|HKD"
_CURRENCY = rf"(?:US\$|[$\u00a2-\u00a5\u20a0-\u20cf]|{_CODES})"
_SIGNED = re.compile(
    rf"(?P<first>[+\-\u2212]?)\s*(?P<before>{_CURRENCY}?)\s*(?P<second>[+\-\u2212]?)\s*"
    rf"(?P<digits>[0-9.,](?:[0-9.,{SPACES}{APOSTROPHES}]*[0-9])?)(?P<exponent>(?:[eE][+-]?[0-9]{{1,3}})?)\s*(?P<after>{_CURRENCY}?)\s*(?P<percent>%?)"
)


class _Parts(NamedTuple):
    is_negative: bool
    digits: str  # with separators
    exponent: str  # such as "e5"
    currency: str
    is_percent: bool


def number_reader(notation: Notation, *, is_whole: bool) -> Callable[[str], Reading | None]:
    """Return the function that reads a number: its text with a decimal point and without anything else.

    With `is_whole`, a number with a fraction is not read.
    """
    pattern = _pattern(notation.decimal, notation.thousands)

    def read(text: str) -> Reading | None:
        parts = _split(text)
        if parts is None or (parts.is_percent and not notation.percent) or (parts.currency and not notation.currency):
            return None
        found = pattern.fullmatch(parts.digits)
        if not found:
            return None
        whole, fraction = found["whole"] or "0", found["fraction"] or ""
        used = _used(notation, parts, whole, fraction)
        whole = whole if whole.isdecimal() else re.sub("[^0-9]", "", whole)
        if parts.is_percent and notation.percent == "divide":
            whole, fraction = _hundredth(whole, fraction)
        if is_whole and (fraction or parts.exponent):
            if fraction.strip("0") or parts.exponent or not notation.zeros:
                return None
            fraction, used = "", (*used, "zeros")
        sign, point = "-" if parts.is_negative else "", "." if fraction else ""
        return Reading(f"{sign}{whole}{point}{fraction}{parts.exponent}", used, parts.currency)

    return read


def _split(text: str) -> _Parts | None:
    """Return the parts of a number; None if it is none."""
    if text.isdecimal() and text.isascii() and len(text) <= MAX_LENGTH:
        return _Parts(False, text, "", "", False)
    found = _SIGNED.fullmatch(text.strip()) if len(text) <= MAX_LENGTH else None
    if not found or (found["first"] and found["second"]) or (found["before"] and found["after"]):
        return None
    is_negative = (found["first"] or found["second"]) not in ("", "+")
    currency = found["before"] or found["after"]
    return _Parts(is_negative, found["digits"], found["exponent"], currency, bool(found["percent"]))


def _used(notation: Notation, parts: _Parts, whole: str, fraction: str) -> tuple[str, ...]:
    used = {
        "decimal": bool(fraction) and notation.decimal != ".",
        "thousands": not whole.isdecimal(),
        "percent": parts.is_percent,
        "currency": bool(parts.currency),
    }
    return tuple(name for name, is_used in used.items() if is_used)


def _hundredth(whole: str, fraction: str) -> tuple[str, str]:
    """Return the digits before and after the point of a hundredth, exactly."""
    padded = whole.zfill(3)
    return padded[:-2].lstrip("0") or "0", (padded[-2:] + fraction).rstrip("0")


@cache
def _pattern(decimal: str, thousands: str) -> re.Pattern[str]:
    """Return the pattern of digits; thousands are separated everywhere or nowhere."""
    separators = {" ": SPACES, "'": APOSTROPHES}.get(thousands, thousands)
    grouped = (
        rf"[0-9]{{1,3}}(?:(?P<mark>[{re.escape(separators)}])[0-9]{{3}})(?:(?P=mark)[0-9]{{3}})*|" if thousands else ""
    )
    return re.compile(rf"(?P<whole>{grouped}[0-9]+)?(?:{re.escape(decimal)}(?P<fraction>[0-9]+))?")
