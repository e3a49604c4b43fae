"""`references`: lists of ids of records of another resource. Much more is in tests/records/test_links.py."""

import pytest

from backend.services.field_types.registry import parse_field
from tests.field_types.contract import FieldTypeContract
from tests.helpers import PUBLIC, UNKNOWN_ID


class TestReferences(FieldTypeContract):
    options = {"to": "targets", "max": 3}
    refused = [None, [UNKNOWN_ID], UNKNOWN_ID, 1, True, {}, "", ["x"], [None], [1], [[UNKNOWN_ID]]]
    nothing = []
    refused_filters = [
        "=x",
        f"={UNKNOWN_ID}",
        f"__in={UNKNOWN_ID}",
        f"__gt={UNKNOWN_ID}",
        "__contains=a",
        "__isnull=true",
    ]
    ordered = False
    refused_options = [
        ({"to": None}, "to"),
        ({"to": "nowhere"}, "to"),
        ({"max": 0}, "max"),
        ({"max": 1001}, "max"),
        ({"unique": True}, "unique"),
        ({"index": True}, "index"),
        ({"default": []}, "default"),
    ]
    narrower = [{"max": 2}]

    @pytest.fixture(autouse=True)
    def targets(self, request):
        """Declares the target before the tests that send requests."""
        if "admin" not in request.fixturenames:
            return
        admin = request.getfixturevalue("admin")
        admin.declare("targets", {"name": {"type": "string"}}, access=PUBLIC)
        one, two = (admin.make("targets", name=name)["id"] for name in ("one", "two"))
        self.kept = [([two, one], [two, one]), ([one.upper()], [one])]
        self.rows = [[two, one], [], [one]]

    def test_a_value_converts_to_text_to_json_and_back(self):
        field, ids = parse_field(self.declaration), [UNKNOWN_ID, UNKNOWN_ID.replace("0000-7", "0001-7")]
        for name, converted in (("text", "|".join(ids)), ("json", ids)):
            other = parse_field({"type": name})
            assert other.converter(field)(ids) == converted
            assert field.converter(other)(converted) == ids
        one = parse_field({"type": "reference", "to": "targets"})
        assert (field.converter(one)(UNKNOWN_ID), one.converter(field)([UNKNOWN_ID])) == ([UNKNOWN_ID], UNKNOWN_ID)
        assert (field.converter(parse_field({"type": "text"}))(""), one.converter(field)([])) == ([], None)
