"""The separators between the cells of CSV files."""

import re

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}  # with their names
WORDS = {"comma": ",", "semicolon": ";", "tab": "\t", r"\t": "\t", "bar": "|", "pipe": "|", "space": " "}
_QUOTED = re.compile(r'"[^"]*"?')
_NOTE = re.compile(r"sep=([^\r\n])\r?(?:\n|\Z)", re.IGNORECASE)


def find_separator(header: str) -> str:
    """Return the separator between the names in the first line of a CSV file; a comma if there is only one name.

    It is the one that is there most often outside quotes.
    """
    plain = _QUOTED.sub("", header)
    return max(SEPARATORS, key=plain.count)


def noted_separator(head: str) -> str | None:
    """Return the separator that the first line names, as Excel writes it (`sep=;`); None if it names none."""
    found = _NOTE.match(head)
    return found[1] if found else None


def name_of(separator: str) -> str:
    """Return the name of a separator, such as `semicolons`."""
    return SEPARATORS.get(separator, f"`{separator}`")


def one_of(separator: str) -> str:
    """Return the name of one separator, such as `a semicolon`."""
    return f"a {name_of(separator).removesuffix('s')}"


def option_value(separator: str) -> str:
    """Return a separator as the value of an option."""
    return "tab" if separator == "\t" else separator


def delimiter_of(option: str) -> str:
    """Return the separator that an option names: itself, or what a word such as `tab` means."""
    return WORDS.get(option, option)
