"""The columns: a value that a model stores is read as the same type on both databases."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from backend.models import columns
from backend.models.base import BaseModel
from backend.models.database import database

ROWS = [
    {
        "day": "2999-12-31",
        "hour": "23:59:01",
        "moment": datetime(2026, 1, 31, 12, 0, 0, 123456, UTC),
        "amount": Decimal("-123456789012345.50"),
        "wide": Decimal("-123456789012345678901234567890123456.50"),
        "is_open": True,
        "ratio": 2.0,
        "key": "0193e0f4-0000-7000-8000-00000000000a",
        "note": {"a": [1, None]},
    },
    {
        "day": "0001-01-01",
        "hour": "00:00:00",
        "moment": None,
        "amount": Decimal("0.07"),
        "is_open": False,
        "ratio": 0.1,
        "key": None,
    },
    dict.fromkeys(["day", "hour", "moment", "amount", "is_open", "ratio", "key", "note"]),
]


@pytest.fixture
def sample(app):
    """A model with a column of each kind, and its table."""
    with_decimals = columns.NumericColumn(18, 2, null=True)
    amount_column = with_decimals if database.has_decimals else columns.ScaledIntegerColumn(2, null=True)

    wide_column = columns.WideDecimalColumn(2, null=True)
    if database.has_decimals:
        wide_column = columns.NumericColumn(38, 2, null=True)

    class Sample(BaseModel):
        wide = wide_column
        number = columns.IntegerColumn(primary_key=True)
        day = columns.DateColumn(null=True)
        hour = columns.TimeColumn(null=True)
        moment = columns.DateTimeColumn(null=True)
        amount = amount_column
        is_open = columns.BooleanColumn(null=True)
        ratio = columns.FloatColumn(null=True)
        key = columns.UuidColumn(null=True)
        note = columns.JsonColumn(null=True)

        class Meta:
            table_name = "samples"

    with database.connection_context():
        database.create_tables([Sample])
        yield Sample


def test_a_stored_value_is_read_as_the_same_type(sample):
    for number, values in enumerate(ROWS):
        sample.create(number=number, **values)
        read = sample.get_by_id(number)
        for name, value in values.items():
            found = getattr(read, name)
            assert (type(found), found) == (type(value), value), name
