"""`boolean`: true and false."""

from tests.field_types.contract import FieldTypeContract


class TestBoolean(FieldTypeContract):
    kept = [(True, True), (False, False)]
    refused = [0, 1, "true", "false", "", "yes", [], {}]
    rows = [True, False, None, False]
    filters = {
        "=true": [True],
        "=FALSE": [False, False],
        "__ne=true": [False, None, False],
        "__ne=false": [True, None],
        "__in=true": [True],
        "__in=true,false": [True, False, False],
        "__in=": [],
    }
    refused_filters = ["=1", "=0", "=yes", "=", "=t", "__gt=false", "__contains=t", "__in=true,"]
    ascending = [False, False, True, None]
    ordered = False
    refused_options = [({"default": 1}, "default"), ({"default": "true"}, "default"), ({"min": False}, "min")]
