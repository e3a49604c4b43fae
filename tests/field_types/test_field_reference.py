"""`reference`: ids of records of another resource. What a delete does to them is in test_records_delete.py."""

import pytest

from tests.field_types.contract import ACCESS, FieldTypeContract

NOBODY = "00000000-0000-7000-8000-000000000000"


class TestReference(FieldTypeContract):
    options = {"to": "targets"}
    refused = [NOBODY, 1, True, [], {}, "", "x"]
    refused_filters = ["=x", "=", f"__in={NOBODY},", f"__gt={NOBODY}", "__contains=a"]
    ordered = False
    refused_options = [
        ({"to": None}, "to"),
        ({"to": 1}, "to"),
        ({"to": "nowhere"}, "to"),
        ({"on_delete": "explode"}, "on_delete"),
        ({"required": True, "on_delete": "set_null"}, "on_delete"),
        ({"default": NOBODY}, "default"),
    ]

    @pytest.fixture(autouse=True)
    def targets(self, request):
        """Declares the target before the tests that send requests."""
        if "admin" not in request.fixturenames:
            return
        admin = request.getfixturevalue("admin")
        admin.declare("targets", {"name": {"type": "string"}}, access=ACCESS)
        one, two = (admin.make("targets", name=name)["id"] for name in ("one", "two"))
        self.kept = [(one, one), (one.upper(), one)]
        self.rows = [two, None, one]
        self.filters = {f"={one}": [one], f"__ne={one}": [two, None], f"__in={two},{NOBODY}": [two], "__in=": []}
        self.ascending = [one, two, None]
