"""How a decimal is written: the field takes what its documented pattern says, and refuses the rest however long."""

import re

import pytest
from marshmallow import ValidationError

from backend.services.field_types.decimal import ExactDecimal

GOOD = ["0", "-0", "12.5", "12.50", "12.5000", "007", "-999999.99", "0000000000000000000000000000000000001"]
BAD = [
    "",
    ".5",
    "5.",
    "+1",
    "1e3",
    "1,5",
    "12.505",
    "1000000",
    "-1000000.00",
    "9" * 40,
    "0." + "9" * 40,
    "9" * 28 + ".5",
]


def is_taken(text):
    try:
        ExactDecimal(precision=8, scale=2).deserialize(text)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(("texts", "good"), [(GOOD, True), (BAD, False)])
def test_takes_what_its_pattern_says(texts, good):
    pattern = ExactDecimal(precision=8, scale=2).metadata["pattern"]
    assert [text for text in texts if is_taken(text) is not good] == []
    assert [text for text in texts if bool(re.search(pattern, text)) is not good] == []
