"""`enum`: one of a few words."""

from tests.field_types.contract import FieldTypeContract


class TestEnum(FieldTypeContract):
    options = {"choices": ["open", "closed", "Öffnung's"]}
    kept = [("open", "open"), ("Öffnung's", "Öffnung's")]
    refused = ["", "Open", "open ", "other", 0, True, [], ["open"], {}]
    rows = ["open", "closed", None, "open"]
    filters = {
        "=open": ["open", "open"],
        "__ne=open": ["closed", None],
        "__in=open,closed": ["open", "closed", "open"],
        "__in=": [],
    }
    refused_filters = ["=other", "=", "__in=open,other", "__gt=closed", "__contains=o"]
    ascending = ["closed", "open", "open", None]
    narrower = [{"choices": ["open"]}]
    ordered = False
    refused_options = [
        ({"choices": []}, "choices"),
        ({"choices": ["a", "a"]}, "choices"),
        ({"choices": [1]}, "choices"),
        ({"choices": [""]}, "choices"),
        ({"choices": "ab"}, "choices"),
        ({"choices": None}, "choices"),
        ({"choices": [str(each) for each in range(201)]}, "choices"),
        ({"default": "other"}, "default"),
    ]
