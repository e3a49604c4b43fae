"""Surveys: find out how the values of a column are written."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from backend.services.field_types import cell_kinds
from backend.services.records.row_files.days import ORDERS, day_reader, has_short_year, moment_reader
from backend.services.records.row_files.notations import MAX_LENGTH, Notation, Reading
from backend.services.records.row_files.numbers import number_reader
from backend.services.records.row_files.words import FALSE_WORDS, TRUE_WORDS, boolean_reader, means_nothing, pair_of
from backend.utils.texts import shown

MAX_SEEN = 1000  # different values of a column that are not looked at again
PLAIN = Notation()
_SEPARATORS = ((".", ""), (".", ","), (".", " "), (".", "'"), (",", ""), (",", "."), (",", " "), (",", "'"))
_NUMBERS = tuple(
    Notation(decimal, thousands, percent="strip", currency="strip", zeros="strip") for decimal, thousands in _SEPARATORS
)
_DAYS = tuple(Notation(date_format=order) for order in ORDERS)
_NUMBER_OPTIONS = ("decimal", "thousands", "percent", "currency")
# The options that concern each kind.
CONCERNING = {
    cell_kinds.WHOLE: (*_NUMBER_OPTIONS, "zeros"),
    cell_kinds.NUMBER: _NUMBER_OPTIONS,
    cell_kinds.BOOLEAN: ("true", "false"),
    cell_kinds.DAY: ("date_format",),
    cell_kinds.MOMENT: ("date_format",),
}
# The notations that a column of each kind may have, apart from the plain one.
NOTATIONS = {
    cell_kinds.WHOLE: _NUMBERS,
    cell_kinds.NUMBER: _NUMBERS,
    cell_kinds.BOOLEAN: (Notation(true=TRUE_WORDS, false=FALSE_WORDS),),
    cell_kinds.DAY: _DAYS,
    cell_kinds.MOMENT: _DAYS,
}

_NUMERIC = (cell_kinds.WHOLE, cell_kinds.NUMBER)
_ONE_DIGIT = dict.fromkeys(map(ord, "23456789"), "1")  # numbers are read alike if they differ in such digits only

Reader = Callable[[str], Reading | None]


class Choice(NamedTuple):
    """A notation that reads all values of a column; a value that others read differently; and what this one reads."""

    notation: Notation
    example: str
    value: str


@lru_cache(maxsize=200)
def reader(kind: str, notation: Notation) -> Reader:
    """Return the function that reads a value of this kind; it returns None if the text is written differently."""
    match kind:
        case cell_kinds.BOOLEAN:
            return boolean_reader(notation)
        case cell_kinds.DAY:
            return day_reader(notation)
        case cell_kinds.MOMENT:
            return moment_reader(notation)
    return number_reader(notation, is_whole=kind == cell_kinds.WHOLE)


class Survey:
    """Narrows down how the values of a column of one of the cell_kinds are written, while they are added one by one.

    For example, after `1,234` a column of numbers has two choices; `12,5` leaves the one with a decimal comma.
    """

    def __init__(self, kind: str, given: Notation = PLAIN) -> None:
        """Begin with all notations of the kind that have the options of the notation `given`."""
        self.kind, self._given = kind, given.only(CONCERNING[kind])
        self._all = (self._given, *(_with_options(each, self._given) for each in _alike(kind, self._given)))
        self._groups = [list(self._all)]  # each has the notations that read all values so far alike
        self._used: dict[Notation, set[str]] = {notation: set() for notation in self._all}
        self._currencies: set[str] = set()
        self._examples: list[str] = []  # the first value that needs an option, then those that are not read alike
        self._seen: set[str] = set()
        self._is_mixed = False  # whether no notation reads all values that some notation reads
        self.count = self.unread = 0  # values so far, and those that no notation reads

    def add(self, text: str) -> None:
        """Take a value into account. A value that no notation reads is only counted."""
        self.count += 1
        if len(text) > MAX_LENGTH:
            self.unread += 1
            return
        seen = text.translate(_ONE_DIGIT) if self.kind in _NUMERIC else text
        if seen in self._seen:
            return
        if self._narrow(text) and len(self._seen) < MAX_SEEN:
            self._seen.add(seen)

    def _narrow(self, text: str) -> bool:
        """Keep the notations that read the value, and return whether any does."""
        groups: list[list[Notation]] = []
        for group in self._groups:
            alike: dict[str, list[Notation]] = {}
            for notation in group:
                if reading := reader(self.kind, notation)(text):
                    alike.setdefault(reading.text, []).append(notation)
                    self._note(notation, reading, text)
            groups += alike.values()
            if len(alike) > 1:
                self._examples.append(text)
        if groups:
            self._groups = groups
            return True
        is_read = any(reader(self.kind, notation)(text) for notation in self._all)
        self._is_mixed |= is_read
        self.unread += not is_read
        return is_read

    def _note(self, notation: Notation, reading: Reading, text: str) -> None:
        self._used[notation].update(reading.options)
        if reading.currency:
            self._currencies.add(reading.currency)
        if reading.options and not self._examples:
            self._examples.append(text)

    @property
    def is_readable(self) -> bool:
        """Whether there are values, and one notation reads all of them."""
        return self.count > 0 and not self.unread and not self._is_mixed

    @property
    def choices(self) -> list[Choice]:
        """The notations that read the values differently; the given one alone, if it reads all, or if none does."""
        is_unclear = self._is_mixed or len(self._currencies) > 1
        if is_unclear or not self._examples or any(self._given in group for group in self._groups):
            return [Choice(self._given, "", "")]
        found = [min((each.only(self._used[each]) for each in group), key=_complexity) for group in self._groups]
        if self.kind == cell_kinds.NUMBER and not self._given.percent:
            found = [each for notation in found for each in _with_division(notation)]
        values = {text: [self._read(each, text) for each in found] for text in self._examples}
        example = max(values, key=lambda text: len(set(values[text])))
        return [Choice(each, example, value) for each, value in zip(found, values[example], strict=True)]

    def _read(self, notation: Notation, text: str) -> str:
        found = reader(self.kind, notation)(text)
        return found.text if found else ""


def hint(kind: str | None, text: str) -> str:
    """Return which options would read a value that was refused, or an empty text."""
    if len(text) > MAX_LENGTH:
        return ""
    if means_nothing(text):
        return f"If {shown(text)} means no value, add `null={text.strip()}`."
    if kind is None:
        return ""
    if kind == cell_kinds.BOOLEAN:
        pair = pair_of(text)
        return f"If {pair[0]} and {pair[1]} are meant, add `true={pair[0]} false={pair[1]}`." if pair else ""
    if kind in (cell_kinds.DAY, cell_kinds.MOMENT) and has_short_year(text):
        return "Write years with four digits."
    survey = Survey(kind)
    survey.add(text)
    return advice(survey.choices)


def advice(choices: list[Choice]) -> str:
    """Return which option to add for each value that can be meant, or an empty text if none is needed."""
    parts = [f"if {value} is meant, add `{notation}`" for notation, _, value in choices if notation != PLAIN]
    return f"I{'; '.join(parts)[1:]}." if parts else ""


def _complexity(notation: Notation) -> int:
    return len(str(notation))


def _with_division(notation: Notation) -> list[Notation]:
    """Return the notation and, if it strips percent signs, also the one that divides by 100."""
    return [notation, replace(notation, percent="divide")] if notation.percent else [notation]


def _alike(kind: str, given: Notation) -> list[Notation]:
    """Return the notations of a kind that do not contradict the one that is given."""
    exclusive = [name for name in ("decimal", "thousands", "date_format") if name in given.changed]
    return [each for each in NOTATIONS[kind] if all(getattr(each, name) == given.changed[name] for name in exclusive)]


def _with_options(notation: Notation, given: Notation) -> Notation:
    """Return the notation with the options of the one that is given; words are added to its own."""
    true, false = (
        tuple(word for word in words if word not in others)
        for words, others in ((notation.true, given.false), (notation.false, given.true))
    )
    changes = given.changed | {"true": (*given.true, *true), "false": (*given.false, *false)}
    return replace(notation, **changes)
