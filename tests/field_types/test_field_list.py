"""`list`: a few different values in order."""

import pytest

from tests.field_types.contract import FieldTypeContract
from tests.helpers import NDJSON, PUBLIC, details_of, load, outcome


class TestList(FieldTypeContract):
    options = {"of": "string", "max": 5, "max_length": 20}
    kept = [
        (value, value)
        for value in (
            *(
                [],
                ["a"],
                ["b", "a"],
                ["a|b", "c\\", "\\|", "|"],
                ["=1+1", "-x"],
                ["'=1"],
                ["ä", "🦆\u001e", '"', ",", " x "],
            ),
            *(["null"], ["\\N"], ["a\nb"]),
        )
    ]
    refused = ["a", {}, {"a": 1}, 1, True, [""], ["a", "a"], [1], [None], [["a"]], list("abcdef"), ["x" * 21], ["a\0"]]
    rows = [["red", "blue"], None, ["blue"], [], ["Red", "a,b"]]
    filters = {
        "__has=blue": [["red", "blue"], ["blue"]],
        "__has=b": [],
        "__has_any=red,Red": [["red", "blue"], ["Red", "a,b"]],
        "__has_any=": [],
        "__has_all=blue,red": [["red", "blue"]],
        "__has_all=blue": [["red", "blue"], ["blue"]],
        "__isempty=true": [None, []],
        "__isempty=false": [["red", "blue"], ["blue"], ["Red", "a,b"]],
    }
    refused_filters = ["=red", "__ne=red", "__in=red", "__gt=a", "__contains=r", "__has_all=", "__isempty=x"]
    narrower = [{"max": 4}, {"max_length": 19}, {"min": 1}, {"min_length": 2}, {"pattern": "^a"}]
    ordered = False
    refused_options = [
        ({"of": "number"}, "of"),
        ({"of": None}, "of"),
        ({"of": "enum", "max_length": None}, "choices"),
        ({"of": "integer"}, "max_length"),
        ({"choices": ["a"]}, "choices"),
        ({"unique": True}, "unique"),
        ({"max": 0}, "max"),
        ({"max": 201}, "max"),
        ({"min": 6}, "min"),
        ({"min_length": 0}, "min_length"),
        ({"min_length": 21}, "min_length"),
        ({"min_value": 1}, "min_value"),
        ({"pattern": "("}, "pattern"),
        ({"default": ["a", "a"]}, "default"),
        ({"default": "a"}, "default"),
    ]


class TestIntegers(FieldTypeContract):
    declaration = {"type": "list", "of": "integer", "min_value": -5, "max_value": 2**62}
    kept = [([], []), ([3, -5, 2**62], [3, -5, 2**62])]
    refused = [[1.5], ["1"], [True], [-6], [1, 1]]
    rows = [[1, 12], None, [2]]
    filters = {
        "__has=1": [[1, 12]],
        "__has=2": [[2]],
        "__has_any=12,2": [[1, 12], [2]],
        "__has_any=12%2C2": [[1, 12], [2]],
        "__has_all=12,1": [[1, 12]],
    }
    refused_filters = ["__has=a", "__has_any=1,a", "__has=1.5"]
    narrower = [{"min_value": 0}, {"max_value": 9}]
    ordered = False
    refused_options = [({"min_value": 2**62 + 1}, "min_value"), ({"max_value": "a"}, "max_value")]

    def test_filters_find_what_they_say(self, things):
        for value in self.rows:
            things.make("things", value=value)
        for text, expected in self.filters.items():
            answer = things.get(f"/things?value{text}")
            assert [record["value"] for record in answer.json["data"]] == expected, text


class TestDates(FieldTypeContract):
    declaration = {"type": "list", "of": "date", "min_value": "2026-01-01"}
    kept = [(["2026-02-01", "2026-01-01"], ["2026-02-01", "2026-01-01"])]
    refused = [["2025-12-31"], ["2026-02-30"], ["2026-01-01", "2026-01-01"]]
    rows = [["2026-01-01"], None, []]
    filters = {"__has=2026-01-01": [["2026-01-01"]], "__has=2020-01-01": []}
    refused_filters = ["__has=x"]
    narrower = [{"min_value": "2026-01-02"}]
    ordered = False
    refused_options = [({"max_value": "2025-01-01"}, "min_value"), ({"min_value": "x"}, "min_value")]


class TestChoices(FieldTypeContract):
    declaration = {"type": "list", "of": "enum", "choices": ["red", "green", "a|b"]}
    kept = [(["a|b", "red"], ["a|b", "red"])]
    refused = [["blue"], [""], ["red", "red"]]
    rows = [["red"], None, ["green", "red"]]
    filters = {"__has=red": [["red"], ["green", "red"]], "__has_any=green": [["green", "red"]]}
    refused_filters = ["__has=blue", "__has_any=red,blue"]
    narrower = [{"choices": ["red"]}]
    ordered = False
    refused_options = [
        ({"choices": ["a", "a"]}, "choices"),
        ({"choices": [""]}, "choices"),
        ({"choices": None}, "choices"),
    ]


FIELDS = {
    "code": {"type": "string", "unique": True},
    "tags": {"type": "list", "of": "string", "required": True, "default": ["new"], "index": True},
    "sizes": {"type": "list", "of": "integer", "max": 3},
}


@pytest.fixture
def things(admin):
    """Declare a resource with two lists, and return who may use it."""
    admin.declare("things", FIELDS, access=PUBLIC, history=True)
    return admin


def test_the_error_names_the_place_of_a_value(things):
    answer = things.post("/things", json={"sizes": [1, "x", 2]})
    assert details_of(answer)["json"] == {"sizes": {"1": ["Write a whole number such as 12."]}}
    assert things.post("/things", json={"tags": None}).status_code == 422
    assert things.make("things")["tags"] == ["new"]
    assert things.make("things", tags=[])["tags"] == []


def test_conditions_use_the_same_operators(things, alice):
    for code, tags in (("a", ["x", "y"]), ("b", ["y"]), ("c", [])):
        things.make("things", code=code, tags=tags)

    def found(where):
        answer = things.get("/things", query_string={"where": where})
        assert answer.status_code == 200, answer.json
        return [record["code"] for record in answer.json["data"]]

    assert found('{"tags": {"has": "x"}}') == ["a"]
    assert found('{"not": {"tags": {"has_any": ["x", "z"]}}}') == ["b", "c"]
    assert found('{"any": [{"tags": {"has_all": ["y", "x"]}}, {"tags": {"isempty": true}}]}') == ["a", "c"]
    for wrong in (
        '{"tags": ["x"]}',
        '{"tags": {"has_all": []}}',
        '{"tags": {"has": ["x"]}}',
        '{"sizes": {"has": "x"}}',
    ):
        assert things.get("/things", query_string={"where": wrong}).status_code == 422, wrong
    for query in ("sort=tags", "group_by=tags", "count_distinct=tags", "min=tags"):
        path = "/things" if query.startswith("sort") else "/things/aggregate"
        assert things.get(f"{path}?{query}").status_code == 422, query


def test_a_rule_can_ask_for_a_value(admin, alice):
    rule = {"role": "member", "where": {"tags": {"has": "open"}}}
    admin.declare("things", FIELDS, access={action: [rule] for action in ("list", "create", "update", "read")})
    mine = alice.make("things", code="a", tags=["open"])
    assert alice.post("/things", json={"code": "b", "tags": ["closed"]}).status_code == 403
    assert alice.patch(f"/things/{mine['id']}", json={"tags": ["closed"]}).status_code == 403
    assert alice.patch(f"/things/{mine['id']}", json={"tags": ["closed", "open"]}).status_code == 200
    admin.make("things", code="c", tags=[])
    assert alice.get("/things").json["meta"]["total"] == 1


def test_history_keeps_whole_lists(things):
    record = things.make("things", code="a", tags=["x"])
    things.patch(f"/things/{record['id']}", json={"tags": ["x", "y"]})
    latest = things.get(f"/things/{record['id']}/history").json["data"][0]
    assert latest["changes"] == {"tags": {"from": ["x"], "to": ["x", "y"]}}


def test_files_bring_lists_back_exactly(things):
    values = [["a|b", "\\", "c"], [], ["=1"], ["'=1", " "], ["new"]]
    for number, tags in enumerate(values):
        things.make("things", code=str(number), tags=tags, sizes=None if number else [3, 1])
    csv = things.get("/things/export?fields=code,tags,sizes&sort=code").text
    assert csv.splitlines()[1:4] == [r"0,a\|b|\\|c,3|1", '1,"",', "2,'=1,"]
    ndjson = things.get("/things/export?fields=code,tags,sizes&sort=code&format=ndjson").text
    for content, kind in ((csv, "text/csv"), (ndjson, NDJSON)):
        for record in things.get("/things").json["data"]:
            things.delete(f"/things/{record['id']}")
        assert outcome(load(things, content, kind, "things")) == (5, 5, 0, 0)
        read = things.get("/things?sort=code").json["data"]
        assert [record["tags"] for record in read] == values
        assert [record["sizes"] for record in read] == [[3, 1], None, None, None, None]
    wrong = load(things, "code,sizes\nx,1|a|1\ny,1|1\n", resource="things")
    rows = details_of(wrong)["rows"]
    assert rows["2"] == ['sizes: Value 2: Write a whole number such as 12. Found: "1|a|1".']
    assert rows["3"] == ['sizes: Each value at most once. Found: "1|1".']
    bad = load(things, '{"code": "x", "sizes": [1, "a"]}\n', NDJSON, "things")
    assert details_of(bad)["rows"]["1"] == ['sizes: 1: Write a whole number such as 12. Found: [1, "a"].']


def change(admin, **fields):
    """Plan that the resource has these fields, apply it with consent, and return the plan."""
    body = {"fields": fields, "access": PUBLIC}
    plan = admin.post("/resources/things/plan", json=body).json["data"]
    answer = admin.put("/resources/things", json=body, query_string={"confirm": plan["fingerprint"]})
    assert answer.status_code == (200 if plan["possible"] else 409), answer.json
    return [step["text"] for step in plan["steps"]]


def test_texts_become_lists_and_lists_texts(admin):
    admin.declare("things", {"value": {"type": "string"}}, access=PUBLIC)
    for value in ("a|b", "1", None, r"x\|y", "a|a"):
        admin.make("things", value=value)

    def values():
        return [record["value"] for record in admin.get("/things").json["data"]]

    texts = {"type": "list", "of": "string"}
    assert change(admin, value=texts) == [
        "Change value from string to list of string, losing the values of 1 record that cannot be converted."
    ]
    assert values() == [["a", "b"], ["1"], None, ["x|y"], None]
    assert change(admin, value={"type": "list", "of": "integer"}) == [
        "Change value from list of string to list of integer, losing the values of 2 records that cannot be converted."
    ]
    assert values() == [None, [1], None, None, None]
    assert change(admin, value={"type": "string"}) == ["Change value from list of integer to string."]
    assert values() == [None, "1", None, None, None]
    assert change(admin, value={"type": "json"}) == ["Change value from string to json."]
    assert change(admin, value=texts) == ["Change value from json to list of string."]
    assert values() == [None, ["1"], None, None, None]


def test_narrower_lists_need_fitting_records(admin):
    declaration = {"type": "list", "of": "string", "max": 3}
    admin.declare("things", {"value": declaration}, access=PUBLIC)
    record = admin.make("things", value=["a", "b", "long"])
    assert change(admin, value=declaration | {"max": 2}) == [
        "Allow fewer values of value, although 1 record would not fit."
    ]
    assert change(admin, value=declaration | {"max_length": 2}) == [
        "Allow fewer values of value, although 1 record would not fit."
    ]
    assert change(admin, value=declaration | {"max": 4}) == ["Allow more values of value."]
    assert change(admin, value=declaration | {"max": 4, "index": True}) == ["Index value."]
    assert change(admin, value=declaration | {"max": 4}) == ["Drop the index of value."]
    admin.patch(f"/things/{record['id']}", json={"value": ["a"]})
    assert change(
        admin, label=declaration | {"renamed_from": "value", "of": "enum", "choices": ["a"], "index": True}
    ) == [
        "Rename the field value to label.",
        "Index label.",
        "Change label from list of string to list of enum.",
    ]
    assert admin.get("/things?label__has=a").json["meta"]["total"] == 1


def test_an_entry_of_several_fields_has_no_list(admin):
    for part in ("indexes", "unique"):
        body = {"name": "x", "fields": FIELDS, part: [["code", "tags"]]}
        assert details_of(admin.post("/resources", json=body))["json"][part] == [
            "tags: A list cannot be unique, or in an index with other fields; it can have `index: true`."
        ]


def test_rules_use_the_lists_of_a_user(admin, alice, edith):
    admin.put("/users/settings", json={"fields": {"teams": {"type": "list", "of": "string"}}})
    fields = {"team": {"type": "string", "ignore_case": True}, "tags": {"type": "list", "of": "string"}}
    grants = [
        {"role": "member", "where": {"team": {"in": "$user.teams"}}},
        {"role": "member", "where": {"tags": {"has_all": "$user.teams"}}},
        {"role": "editor", "where": {"not": {"team": {"in": "$user.teams"}}}},
    ]
    admin.declare("things", fields, access={"list": grants})
    admin.make("things", team="RED")
    admin.make("things", tags=["blue", "x", "red"])
    admin.make("things", team="other", tags=["blue"])
    admin.patch(f"/users/{alice.id}", json={"profile": {"teams": ["red", "blue"]}})
    admin.patch(f"/users/{edith.id}", json={"profile": {"teams": []}})
    assert [record["team"] for record in alice.get("/things").json["data"]] == ["RED", None]
    assert edith.get("/things").status_code == 403  # a list without values grants nothing
    for where, message in (
        ({"team": "$user.teams"}, "`$user.teams` of type list of string cannot be compared with string."),
        ({"team": {"in": "$user.email"}}, "`$user.email` of type email cannot be compared with a list of string."),
    ):
        body = {"name": "x", "fields": fields, "access": {"list": [{"role": "member", "where": where}]}}
        (problem,) = details_of(admin.post("/resources", json=body))["json"]["access"]["list"]
        assert problem.endswith(message)


def test_a_profile_can_have_a_list(admin):
    settings = {"fields": {"teams": {"type": "list", "of": "string"}}}
    assert admin.put("/users/settings", json=settings).status_code == 200
    answer = admin.patch(f"/users/{admin.id}", json={"profile": {"teams": ["a", "b"]}})
    assert answer.json["data"]["profile"] == {"teams": ["a", "b"]}
    assert admin.patch(f"/users/{admin.id}", json={"profile": {"teams": ["a", "a"]}}).status_code == 422
