"""Texts in the cells of CSV files, which spreadsheets take for formulas when they begin like one."""

import re

_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def guarded(text):
    """Return the text with an apostrophe before what a spreadsheet would compute; unguarded() takes it off again."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(cell):
    """Return the text that guarded() made this cell of."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
