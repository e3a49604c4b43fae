"""Cells of CSV that are read and written many at once mean what each means by itself."""

import pytest
from marshmallow import ValidationError

from backend.services.field_types.registry import parse_field
from backend.utils.cells import escape_formula, escape_formulas, quote_cell, quote_cells
from tests.parts.every_type import TEXTS

TYPES = [
    {"type": "string", "min_length": 2, "max_length": 5},
    {"type": "string", "pattern": "^[a-z]+$"},
    {"type": "string", "ignore_case": True},
    {"type": "text"},
    {"type": "integer"},
    {"type": "integer", "min": 3, "max": 12},
    {"type": "number"},
    {"type": "number", "min": -1, "max": 1e300},
    {"type": "decimal"},
    {"type": "decimal", "precision": 2, "scale": 2},
    {"type": "decimal", "precision": 4, "scale": 0, "min": "-1", "max": "12"},
    {"type": "decimal", "precision": 30, "scale": 4},
    {"type": "boolean"},
    {"type": "date"},
    {"type": "date", "min": "2026-01-02"},
    {"type": "time"},
    {"type": "datetime"},
    {"type": "datetime", "max": "2026-01-31T12:00:00Z"},
    {"type": "json"},
    {"type": "email"},
    {"type": "url"},
    {"type": "uuid"},
    {"type": "enum", "choices": ["abc", "=1", "7"]},
    {"type": "enum", "choices": ["'=1", "Abc"], "ignore_case": True},
    {"type": "list", "of": "integer"},
]
CELLS = [
    *filter(None, TEXTS),
    *("abc", "ABC", "abcdef", "'=1", "a'", "a\0", "a\udc80", "ß", "٣", "1٣"),
    *("7", "+7", "-7", "007", " 7", "7\n", "1\n2", "1_0", "12", "13", "1" * 18, "9" * 19, str(2**63), "1e2", "1.0"),
    *("0.5", "-0.5", "1.", ".5", "0.50", "0.500", "0.555", "-0", "1e308", "1e999", "nan", "inf", "1" * 41),
    *("true", "false", "TRUE", " true", "yes", "1"),
    *("2026-01-01", "2026-01-31", "2026-02-30", "20260131", "0000-01-01", "2026-1-1", "2026-01-31\n"),
    *("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.123456Z", "2026-01-31T12:00:00.5Z", "2026-01-31t12:00:00z"),
    *("2026-01-31T12:00:00", "2026-01-31T24:00:00Z", "2026-02-30T12:00:00Z", "2026-01-31T13:00:00+01:00"),
    *("2026-01-31T12:00:60Z", "0001-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "\u0662026-01-31T12:00:00Z"),
    *("09:30", "0193e0f4-0000-7000-8000-00000000000a", "0193E0F4-0000-7000-8000-00000000000A", "a@example.com"),
    *("https://example.com", "{}", "[1]", "1|2"),
]


def read(field, cell):
    """Return the value of a cell, or None if it is not valid."""
    try:
        return field.cell_reader()(cell)
    except ValidationError:
        return None


@pytest.mark.parametrize("declaration", TYPES, ids=str)
def test_plain_cells_have_the_values_of_single_cells(declaration):
    field = parse_field(declaration)
    values = {cell: read(field, cell) for cell in CELLS}
    for cell, value in values.items():
        found = field.read_plain([cell])
        assert found is None or (found, type(found[0])) == ([value], type(value)), cell
    valid = [cell for cell, value in values.items() if value is not None]
    found = field.read_plain(valid)
    assert found is None or found == [values[cell] for cell in valid]
    for cell in values.keys() - valid:
        assert field.read_plain([*valid, cell]) is None, cell


def test_most_types_read_plain_cells_together():
    for kind, cell in [
        ("string", "a"),
        ("text", "ü, \n"),
        ("integer", "7"),
        ("number", "-0.5"),
        ("decimal", "-12.5"),
        ("boolean", "true"),
        ("date", "2026-01-31"),
        ("datetime", "2026-01-31T12:00:00Z"),
        ("uuid", "0193e0f4-0000-7000-8000-00000000000a"),
    ]:
        assert parse_field({"type": kind}).read_plain([cell] * 3) is not None, kind


def test_cells_are_written_together_as_one_by_one():
    for texts in ([], *([text] for text in TEXTS), TEXTS, ["a", "b"], ["a;b"], [r"\N", "a"], ["＝1"]):
        assert [*escape_formulas(texts)] == [*map(escape_formula, texts)], texts
        for delimiter in ",;\t ":
            assert [*quote_cells(texts, delimiter)] == [quote_cell(text, delimiter) for text in texts], texts
    for declaration in TYPES:
        field = parse_field(declaration)
        values = [value for cell in CELLS if (value := read(field, cell)) is not None]
        assert [*field.to_cells(values)] == [*map(field.to_cell, values)], declaration
