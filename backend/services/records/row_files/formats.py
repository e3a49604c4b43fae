"""Formats: the options with which a file is read, and their checks."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from backend.services.errors import Invalid
from backend.services.records.row_files.days import ORDERS
from backend.services.records.row_files.encodings import ENCODINGS
from backend.services.records.row_files.notations import Notation
from backend.services.records.row_files.separators import delimiter_of
from backend.utils.problems import Problem

DECIMALS, THOUSANDS = (".", ","), (",", ".", " ", "'")
VALUES = {  # of the options that have few; the first ones are those that a file needs most often
    "encoding": tuple(ENCODINGS),
    "date_format": ORDERS,
    "decimal": DECIMALS,
    "thousands": (*THOUSANDS, "space"),
    "percent": ("strip", "divide"),
    "currency": ("strip",),
    "zeros": ("strip",),
}
HELP = {
    "delimiter": "The character between cells, such as `;` or the word `tab`; by default a comma",
    "encoding": f"The encoding of a file without a byte order mark: {', '.join(ENCODINGS)}",
    "date_format": "The order of day, month and year; YYYY-MM-DD is always read",
    "decimal": "The character before the fraction of a number",
    "thousands": "The character between thousands",
    "true": "Words that mean true, in addition to `true`",
    "false": "Words that mean false, in addition to `false`",
    "null": "Words that mean no value, in every column, exactly as they are written",
    "percent": "Read 12% as 12 (strip) or as 0.12 (divide)",
    "currency": "Leave out signs and codes of currencies",
    "zeros": "Read 12.0 as a whole number",
    "map": "Name in the file, an equals sign, and the field that it fills; without a field, the column is left out",
    "lenient": "Read each column in the only way in which all its values can be read",
}
MAX_WORDS = 100  # in one option
ALIASES = {"iso-8859-1": "latin-1", "latin1": "latin-1", "cp1252": "windows-1252", "utf8": "utf-8", "utf16": "utf-16"}


@dataclass(frozen=True)
class Format:
    """How a file is read: its delimiter, its encoding, the fields of its columns, and how values are written.

    Without a delimiter it is a comma, or, if the format is lenient, what the header shows. A byte order mark takes
    precedence over `encoding`. `columns` is a map of name in the file to name of the column, empty to leave it out. If
    the format is `lenient`, each column is read in the one notation that fits all its values.
    """

    delimiter: str = ""
    encoding: str = ""
    notation: Notation = Notation()
    columns: dict[str, str] = field(default_factory=dict)
    lenient: bool = False

    @property
    def options(self) -> dict[str, str | bool | list[str]]:
        """The options that read_format() reads it from, without those that have their defaults."""
        words = {name: [*value] if isinstance(value, tuple) else value for name, value in self.notation.changed.items()}
        pairs = [f"{name}={column}" for name, column in self.columns.items()]
        given = {"delimiter": self.delimiter, "encoding": self.encoding, **words, "map": pairs, "lenient": self.lenient}
        return {name: value for name, value in given.items() if value}


def read_format(
    *,
    delimiter: str = "",
    encoding: str = "",
    map: Sequence[str] = (),
    lenient: bool = False,
    **options: str | Sequence[str] | None,
) -> Format:
    """Return the Format of options as they are written; `map` has texts such as `Full Name=name`.

    `options` are those of a Notation, with words in lists. Raises Invalid, keyed by option, if values are not valid.
    """
    given = {name: value for name, value in options.items() if value}
    texts = {name: value for name, value in given.items() if isinstance(value, str)}
    words = {name: _words(value) for name, value in given.items() if not isinstance(value, str)}
    plain = encoding.lower().replace("_", "-")
    texts |= {"encoding": ALIASES.get(plain, plain)} if encoding else {}
    problems = {name: [_not_a_choice(name)] for name, text in texts.items() if text not in VALUES[name]}
    problems |= _problems(texts, words, delimiter, map)
    if problems:
        raise Invalid(problems, location="query")
    encoding = texts.pop("encoding", "")
    if texts.get("thousands") == "space":
        texts["thousands"] = " "
    notation = Notation(**texts, **words)  # type: ignore[arg-type]  # each name has its own type
    return Format(delimiter_of(delimiter), encoding, notation, _read_columns(map), lenient)


def _not_a_choice(option: str) -> Problem:
    choices = list(VALUES[option])
    return Problem("not_a_choice", f"Must be one of: {', '.join(choices)}.", choices=choices)


def _words(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip() for word in words if word.strip()))


def _problems(
    texts: dict[str, str], words: dict[str, tuple[str, ...]], delimiter: str, columns: Sequence[str]
) -> dict[str, list[Problem]]:
    problems: dict[str, list[Problem]] = {}
    separator = delimiter_of(delimiter)
    if delimiter and (
        len(separator) != 1 or separator.isalnum() or separator in '"\\\r\n\0' or not separator.isascii()
    ):
        text = "Must be one character, such as `;` or `|`, or one of the words tab and space."
        problems["delimiter"] = [Problem("bad_format", text)]
    if texts.get("thousands") == texts.get("decimal", "."):
        text = "Must differ from the decimal separator: add `decimal=,`, or `decimal=.`."
        problems["thousands"] = [Problem("not_allowed", text)]
    if both := {*map(str.casefold, words.get("true", ()))} & {*map(str.casefold, words.get("false", ()))}:
        text = f"These words also mean true: {', '.join(sorted(both))}."
        problems["false"] = [Problem("duplicate", text, names=sorted(both))]
    too_many = Problem("too_many", f"At most {MAX_WORDS} words.", limit=MAX_WORDS)
    problems |= {name: [too_many] for name, some in words.items() if len(some) > MAX_WORDS}
    pairs = [text.rpartition("=") for text in columns]
    if any(not sign or not name.strip() for name, sign, _ in pairs):
        text = "Write the name in the file, an equals sign and the field: `Full Name=name`."
        problems["map"] = [Problem("bad_format", text)]
    elif len({name.strip() for name, _, _ in pairs}) < len(pairs):
        problems["map"] = [Problem("duplicate", "A name in the file is given twice.")]
    return problems


def _read_columns(columns: Sequence[str]) -> dict[str, str]:
    pairs = (text.rpartition("=") for text in columns)
    return {name.strip(): column.strip() for name, _, column in pairs}
