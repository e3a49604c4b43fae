"""Cells of CSV files: how they avoid formulas, and how they distinguish null, no value and an empty text."""

import re

NULL = r"\N"  # without quotes, the cell is explicitly null
# The characters with which a formula can begin in a spreadsheet, also in the full width of East Asian keyboards, and
# the white space that a spreadsheet skips before them.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")  # noqa: RUF001
_QUOTED = re.compile(r'[",\r\n]')


def escape_formula(text: str) -> str:
    """Return the text, with an apostrophe before it if a spreadsheet would take it for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def unescape_formula(cell: str) -> str:
    """Return the text without the apostrophe that escape_formula() has added."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def quote_cell(text: str) -> str:
    """Return a text as a cell of CSV, in quotes if necessary. An empty text needs them, because `,,` means no value."""
    if not text or text == NULL or _QUOTED.search(text):
        return '"{}"'.format(text.replace('"', '""'))
    return text
