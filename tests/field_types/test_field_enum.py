"""`enum`: one of a few words."""

from tests.field_types.contract import FieldTypeContract
from tests.helpers import CSV, PUBLIC, load, outcome


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
        ({"choices": ["", ""]}, "choices"),
        ({"choices": ["x" * 101]}, "choices"),
        ({"choices": "ab"}, "choices"),
        ({"choices": None}, "choices"),
        ({"choices": [str(each) for each in range(201)]}, "choices"),
        ({"default": "other"}, "default"),
    ]


def test_a_choice_may_be_the_empty_text(admin):
    field = {"type": "enum", "choices": ["", "high"], "default": "high"}
    admin.declare("tasks", {"level": field, "n": {"type": "integer"}}, access=PUBLIC)
    for level in ("", "high", None):
        admin.make("tasks", level=level)
    assert [task["level"] for task in admin.get("/tasks?level=").json["data"]] == [""]
    assert [task["level"] for task in admin.get("/tasks?level__in=,high&sort=level").json["data"]] == ["", "high"]
    file = admin.get("/tasks/export?fields=level&sort=id").text
    assert file == '\ufefflevel\r\n""\r\nhigh\r\n\\N\r\n'
    assert outcome(load(admin, file, CSV, "tasks")) == (3, 3, 0, 0)
    assert outcome(load(admin, 'level,n\n"",1\n,2\n', CSV, "tasks")) == (2, 2, 0, 0)
    levels = [task["level"] for task in admin.get("/tasks?sort=id").json["data"]]
    assert levels == ["", "high", None, "", "high", None, "", "high"]
    without = {"fields": {"level": field | {"choices": ["high"]}, "n": {"type": "integer"}}}
    assert admin.put("/resources/tasks", json=without).status_code == 409
