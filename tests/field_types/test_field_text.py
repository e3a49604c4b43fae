"""`text`: texts as long as a request may be."""

from tests.field_types.contract import FieldTypeContract


class TestText(FieldTypeContract):
    kept = [(text, text) for text in ("", "one\ntwo", "x" * 300_000, "ß" * 1000)]
    refused = [0, False, [], {}, "a\0b", "\ud800"]
    rows = ["Straße", "STRASSE", None, "long " * 10_000, ""]
    filters = {
        "=Straße": ["Straße"],
        "__ne=": ["Straße", "STRASSE", None, "long " * 10_000],
        "__in=,Straße": ["Straße", ""],
        "__in=": [],
        "__gt=a": ["long " * 10_000],
        "__lte=STRASSE": ["STRASSE", ""],
        "__contains=g l": ["long " * 10_000],
        "__icontains=stra": ["Straße", "STRASSE"],
        "__startswith=Str": ["Straße"],
    }
    refused_filters = ["=\0"]
    ascending = ["", "STRASSE", "Straße", "long " * 10_000, None]
    narrower = [{"min_length": 1}, {"max_length": 9}, {"pattern": "a"}]
    searchable = True
    refused_options = [
        ({"unique": True}, "unique"),
        ({"index": True}, "index"),
        ({"max_length": 10_000_001}, "max_length"),
        ({"default": []}, "default"),
    ]
