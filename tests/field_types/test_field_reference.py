"""`reference`: ids of records of another resource. What a delete does to them is in test_records_delete.py."""

import pytest

from tests.field_types.contract import FieldTypeContract
from tests.helpers import PUBLIC, UNKNOWN_ID


class TestReference(FieldTypeContract):
    options = {"to": "targets"}
    refused = [UNKNOWN_ID, 1, True, [], {}, "", "x"]
    refused_filters = ["=x", "=", f"__in={UNKNOWN_ID},", f"__gt={UNKNOWN_ID}", "__contains=a"]
    ordered = False
    refused_options = [
        ({"to": None}, "to"),
        ({"to": 1}, "to"),
        ({"to": "nowhere"}, "to"),
        ({"on_delete": "explode"}, "on_delete"),
        ({"required": True, "on_delete": "set_null"}, "on_delete"),
        ({"default": UNKNOWN_ID}, "default"),
    ]

    @pytest.fixture(autouse=True)
    def targets(self, request):
        """Declares the target before the tests that send requests."""
        if "admin" not in request.fixturenames:
            return
        admin = request.getfixturevalue("admin")
        admin.declare("targets", {"name": {"type": "string"}}, access=PUBLIC)
        one, two = (admin.make("targets", name=name)["id"] for name in ("one", "two"))
        self.kept = [(one, one), (one.upper(), one)]
        self.rows = [two, None, one]
        self.filters = {f"={one}": [one], f"__ne={one}": [two, None], f"__in={two},{UNKNOWN_ID}": [two], "__in=": []}
        self.ascending = [one, two, None]
