"""`string`: texts of a bounded length, with a pattern if wanted."""

from tests.field_types.contract import FieldTypeContract
from tests.helpers import PUBLIC, details_of


class TestString(FieldTypeContract):
    kept = [(text, text) for text in ("", " ", "0", "null", "Ärger 🦆 \u0001\u001e\t\n", "'; --", "x" * 255, "\u0130")]
    refused = [1, 1.5, True, [], {}, ["x"], "x" * 256, "a\0b", "\ud800", "\udc00x"]
    rows = ["Öl", "öl", "100%", "a_b", "it's", "", None, "Zebra", "zebra", "zebras"]
    filters = {
        "=zebra": ["zebra"],
        "=": [""],
        "__ne=zebra": ["Öl", "öl", "100%", "a_b", "it's", "", None, "Zebra", "zebras"],
        "__in=Öl,it's,nope": ["Öl", "it's"],
        "__in=": [],
        "__gt=zebra": ["Öl", "öl", "zebras"],
        "__gte=zebra": ["Öl", "öl", "zebra", "zebras"],
        "__lt=Z": ["100%", ""],
        "__lte=Zebra": ["100%", "", "Zebra"],
        "__contains=eb": ["Zebra", "zebra", "zebras"],
        "__contains=%": ["100%"],
        "__contains=_": ["a_b"],
        "__contains='": ["it's"],
        "__icontains=ÖL": ["Öl", "öl"],
        "__icontains=ZEBRA": ["Zebra", "zebra", "zebras"],
        "__startswith=zeb": ["zebra", "zebras"],
        "__startswith=%": [],
        "__startswith=_": [],
        "__startswith=Ö": ["Öl"],
        "__startswith=": ["Öl", "öl", "100%", "a_b", "it's", "", "Zebra", "zebra", "zebras"],
    }
    refused_filters = ["=\0", "__contains=\0", "__in=a,\0"]
    ascending = ["", "100%", "Zebra", "a_b", "it's", "zebra", "zebras", "Öl", "öl", None]
    narrower = [{"min_length": 1}, {"max_length": 9}, {"pattern": "a"}]
    searchable = True
    refused_options = [
        ({"max_length": -1}, "max_length"),
        ({"max_length": 20_001}, "max_length"),
        ({"max_length": "9"}, "max_length"),
        ({"max_length": None}, "max_length"),
        ({"min_length": 9, "max_length": 3}, "min_length"),
        ({"pattern": "("}, "pattern"),
        ({"pattern": "(?=x)"}, "pattern"),
        ({"pattern": "x" * 501}, "pattern"),
        ({"default": 5}, "default"),
        ({"max_length": 2, "default": "long"}, "default"),
        ({"min": 1}, "min"),
    ]


def test_lengths_count_characters_and_both_ends_are_valid(admin):
    admin.declare("codes", {"code": {"type": "string", "min_length": 2, "max_length": 3}}, access=PUBLIC)
    statuses = {code: admin.post("/codes", json={"code": code}).status_code for code in ("x", "🦆🦆", "äöü", "xxxx")}
    assert statuses == {"x": 422, "🦆🦆": 201, "äöü": 201, "xxxx": 422}


def test_a_pattern_is_searched_for_unless_it_is_anchored(admin):
    fields = {"loose": {"type": "string", "pattern": "[0-9]"}, "whole": {"type": "string", "pattern": "^[A-Z]{2}$"}}
    admin.declare("codes", fields, access=PUBLIC)
    assert admin.post("/codes", json={"loose": "a1b", "whole": "DE"}).status_code == 201
    answer = admin.post("/codes", json={"loose": "ab", "whole": "DEU"})
    assert {name: messages[0][:26] for name, messages in details_of(answer)["json"].items()} == {
        "loose": "Does not match the pattern",
        "whole": "Does not match the pattern",
    }


def test_a_string_has_up_to_20_000_characters(admin):
    admin.declare("notes", {"note": {"type": "string", "max_length": 20_000}}, access=PUBLIC)
    assert admin.make("notes", note="ä" * 20_000)["note"] == "ä" * 20_000
    assert admin.post("/notes", json={"note": "x" * 20_001}).status_code == 422
    for text in ("b", "a"):
        admin.make("notes", note=text + "".join(chr(0x4E00 + 7919 * number % 20_000) for number in range(19_999)))
    first = admin.get("/notes?sort=note&per_page=1").json
    assert len(first["meta"]["next_cursor"]) < 2_000
    rest = admin.get(f"/notes?sort=note&cursor={first['meta']['next_cursor']}").json
    assert [note["note"][0] for note in first["data"] + rest["data"]] == ["a", "b", "ä"]
