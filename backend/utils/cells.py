"""Cells of CSV files: how they avoid formulas, distinguish null from an empty text, and hold several values."""

import re
from collections.abc import Iterable, Sequence

NULL = r"\N"  # without quotes, the cell is explicitly null
# The characters with which a formula can begin in a spreadsheet, also in the full width of East Asian keyboards, and
# the white space that a spreadsheet skips before them.
_BEGINNINGS = "=+-@\t\r\n＝＋－＠"  # noqa: RUF001
_FORMULA = re.compile(f"'*[{re.escape(_BEGINNINGS)}]")
_QUOTED = re.compile(r'[",\r\n]')
SEPARATOR, ESCAPE = "|", "\\"  # of several values in one cell
_TOKEN = re.compile(r"\\[\\|]|\||[^\\|]+|\\")


def escape_formula(text: str) -> str:
    """Return the text, with an apostrophe before it if a spreadsheet would take it for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def escape_formulas(texts: Sequence[str]) -> Sequence[str]:
    """Return the texts as escape_formula() does: five times as fast if there is nothing to escape."""
    is_plain = {text[:1] for text in texts}.isdisjoint(f"'{_BEGINNINGS}")
    return texts if is_plain else [*map(escape_formula, texts)]


def unescape_formula(cell: str) -> str:
    """Return the text without the apostrophe that escape_formula() has added."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def may_be_guarded(cells: Iterable[str]) -> bool:
    """Return whether unescape_formula() may change one of the cells."""
    return "'" in {cell[:1] for cell in cells}


def quote_cell(text: str, delimiter: str = ",") -> str:
    """Return a text as a cell of CSV, in quotes if necessary. An empty text needs them, because `,,` means no value."""
    if not text or text == NULL or delimiter in text or _QUOTED.search(text):
        return '"{}"'.format(text.replace('"', '""'))
    return text


def quote_cells(texts: Sequence[str], delimiter: str = ",") -> Sequence[str]:
    """Return texts as quote_cell() does: ten times as fast if no quotes are necessary."""
    together = "\n".join(texts)
    is_plain = together.count("\n") < len(texts) and not any(each in together for each in f'{delimiter},"\r')
    if is_plain and "" not in texts and NULL not in texts:
        return texts
    return [quote_cell(text, delimiter) for text in texts]


def join_parts(texts: Iterable[str]) -> str:
    """Return several texts as one, separated by `|`; a `|` or a backslash within a text gets a backslash before it."""
    return SEPARATOR.join(text.replace(ESCAPE, ESCAPE * 2).replace(SEPARATOR, ESCAPE + SEPARATOR) for text in texts)


def split_parts(joined: str) -> list[str]:
    """Return the texts that join_parts() has joined; none for an empty text."""
    parts = [""]
    for token in _TOKEN.findall(joined):
        if token == SEPARATOR:
            parts.append("")
        else:
            is_escaped = token in (ESCAPE * 2, ESCAPE + SEPARATOR)
            parts[-1] += token[1:] if is_escaped else token
    return parts if joined else []
