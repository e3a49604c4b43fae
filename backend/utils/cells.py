"""Cells of CSV files: guarded against formulas, and with different forms for no value and an empty text."""

import re

NULL = r"\N"  # without quotes: null, said outright
# What a spreadsheet computes, in the widths that East Asian keyboards write too, or skips to reach such a sign.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")  # noqa: RUF001
_QUOTED = re.compile(r'[",\r\n]')


def guarded(text: str) -> str:
    """Return the text with an apostrophe before what a spreadsheet would compute; unguarded() takes it off again."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(cell: str) -> str:
    """Return the text that guarded() was given for this cell."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def written(text: str) -> str:
    """Return a text as a cell in a line of CSV; an empty text has quotes, a missing value has none."""
    if not text or text == NULL or _QUOTED.search(text):
        return '"{}"'.format(text.replace('"', '""'))
    return text
