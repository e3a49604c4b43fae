"""`ignore_case`: string, email and enum fields whose comparisons fold case, on both databases."""

import pytest

from tests.helpers import NDJSON, PUBLIC, details_of, load, outcome

FIELDS = {
    "code": {"type": "string", "unique": True, "ignore_case": True},
    "name": {"type": "string", "ignore_case": True, "index": True},
    "mail": {"type": "email", "ignore_case": True},
    "state": {"type": "enum", "choices": ["Open", "closed"], "ignore_case": True},
    "plain": {"type": "string"},
}


@pytest.fixture
def things(admin):
    """Declare a resource with fields that ignore case, and return who may use it."""
    admin.declare("things", FIELDS, unique=[["name", "plain"]], access=PUBLIC)
    return admin


def plan_texts(plan):
    """Return the texts of a plan's steps."""
    return [step["text"] for step in plan["steps"]]


def found(person, **query):
    """Return the codes that a list finds, in its order."""
    answer = person.get("/things", query_string={"per_page": 200, **query})
    assert answer.status_code == 200, answer.json
    return [record["code"] for record in answer.json["data"]]


def test_every_comparison_ignores_case(things):
    for code, name in (("Straße", "b"), ("STRASSEN", "A"), ("Ünder", "a"), ("ΟΔΟΣ", "B"), ("z", None)):
        things.make("things", code=code, name=name)
    assert found(things, code="STRASSE") == found(things, code="strasse") == ["Straße"]
    assert found(things, code__in="οδοσ,Z,strasse") == ["Straße", "ΟΔΟΣ", "z"]
    assert found(things, code__ne="ÜNDER") == ["Straße", "STRASSEN", "ΟΔΟΣ", "z"]
    assert found(things, code__startswith="strass") == found(things, code__startswith="STRAẞ") == ["Straße", "STRASSEN"]
    assert found(things, code__contains="DER") == ["Ünder"]
    assert found(things, code__gt="STRASSE", code__lte="Z") == ["STRASSEN", "z"]
    assert found(things, name="a") == ["STRASSEN", "Ünder"]
    assert found(things, sort="name,code") == ["STRASSEN", "Ünder", "Straße", "ΟΔΟΣ", "z"]
    assert found(things, sort="-code") == ["ΟΔΟΣ", "Ünder", "z", "STRASSEN", "Straße"]
    assert found(things, name__isnull="true") == ["z"]


def test_a_cursor_follows_the_folded_order(things):
    codes = ["a", "B", "c", "D", "É", "f"]
    for code in codes:
        things.make("things", code=code, name=None if code == "c" else code)
    for sort, expected in (("code", ["a", "B", "c", "D", "f", "É"]), ("name", ["a", "B", "D", "f", "É", "c"])):
        seen, query = [], {"sort": sort, "per_page": 2}
        while True:
            answer = things.get("/things", query_string=query).json
            seen += [record["code"] for record in answer["data"]]
            if not (cursor := answer["meta"]["next_cursor"]):
                break
            query["cursor"] = cursor
        assert seen == expected, sort


def test_a_value_in_another_case_is_taken(things):
    first = things.make("things", code="Straße", name="n", plain="p")
    second = things.make("things", code="other", name="n", plain="P")
    for answer in (
        things.post("/things", json={"code": "STRASSE"}),
        things.patch(f"/things/{second['id']}", json={"code": "strasse"}),
        things.post(
            "/batch", json={"operations": [{"op": "create", "resource": "things", "data": {"code": "sTRASSE"}}]}
        ),
    ):
        assert answer.status_code == 409, answer.json
    assert details_of(things.post("/things", json={"code": "STRASSE"})) == {"json": {"code": ["Already taken."]}}
    taken = things.post("/things", json={"name": "N", "plain": "p"})
    assert details_of(taken)["json"] == {"name": ["Already taken."], "plain": ["Already taken."]}
    changed = things.patch(f"/things/{first['id']}", json={"code": "STRASSE"})
    assert changed.json["data"]["code"] == "STRASSE"
    assert things.make("things", code=None)["code"] is things.make("things", code=None)["code"] is None


def test_groups_ignore_case(things):
    for code, name in (("1", "a"), ("2", "A"), ("3", "b"), ("4", None)):
        things.make("things", code=code, name=name)
    answer = things.get("/things/aggregate?group_by=name&count_distinct=name&sort=-name")
    assert [(group["name"], group["count"]) for group in answer.json["data"]] == [("b", 1), ("A", 2), (None, 1)]
    assert answer.json["meta"]["total"] == 3
    assert [group["count_distinct"]["name"] for group in answer.json["data"]] == [1, 1, 0]


def test_an_enum_takes_any_case_and_keeps_its_choice(things):
    assert things.make("things", code="a", state="OPEN")["state"] == "Open"
    assert things.make("things", code="b", state="Closed")["state"] == "closed"
    assert found(things, state="open") == found(things, state__in="OPEN") == ["a"]
    assert found(things, sort="state") == ["b", "a"]
    assert things.post("/things", json={"state": "opened"}).status_code == 422
    assert things.get("/things?state=opened").status_code == 422
    answer = things.post(
        "/resources",
        json={"name": "x", "fields": {"e": {"type": "enum", "choices": ["a", "A"], "ignore_case": True}}},
    )
    assert details_of(answer)["json"]["fields"]["e"] == {"choices": ["The choices must differ in more than case."]}


def test_an_address_is_found_in_any_case(things):
    things.make("things", code="a", mail="Ann@Example.com")
    assert found(things, mail="ANN@EXAMPLE.COM") == ["a"]
    assert found(things, mail__startswith="ann@") == ["a"]


def test_an_import_finds_records_in_any_case(things, admin):
    admin.declare("parts", {"thing": {"type": "reference", "to": "things"}}, access=PUBLIC)
    assert outcome(load(things, "code,name\nAb,1\nx,2\n", resource="things")) == (2, 2, 0, 0)
    assert outcome(load(things, "code,name\nAB,one\nX,two\nnew,3\n", resource="things", mode="upsert", key="code")) == (
        3,
        1,
        2,
        0,
    )
    assert found(things, sort="code") == ["AB", "new", "X"]
    twice = load(things, "code\nq\nQ\nab\n", resource="things")
    assert twice.status_code == 422
    assert sorted(details_of(twice)["rows"]) == ["3", "4"]
    moved = load(
        things,
        '{"code": "NEW", "name": "4"}\n{"code": "neW", "name": "5"}\n',
        NDJSON,
        "things",
        mode="upsert",
        key="code",
    )
    assert outcome(moved) == (2, 0, 2, 0)
    assert outcome(load(things, "thing_code\nNEW\nab\n", resource="parts")) == (2, 2, 0, 0)


def test_rows_that_differ_in_case_prevent_it(admin):
    admin.declare("things", {"code": {"type": "string", "unique": True}}, access=PUBLIC)
    admin.make("things", code="a")
    second = admin.make("things", code="A")
    wanted = {"fields": {"code": {"type": "string", "unique": True, "ignore_case": True}}, "access": PUBLIC}
    plan = admin.post("/resources/things/plan", json=wanted).json["data"]
    assert plan_texts(plan) == [
        "Ignore upper and lower case in code.",
        "Require unique values of code, although 1 record would repeat values.",
    ]
    assert plan["possible"] is False
    assert plan["steps"][1]["ids"] == [second["id"]]
    assert admin.put("/resources/things", json=wanted).status_code == 409
    admin.patch(f"/things/{second['id']}", json={"code": "B"})
    assert admin.put("/resources/things", json=wanted).status_code == 200
    assert found(admin, code="b") == ["B"]
    assert admin.post("/things", json={"code": "b"}).status_code == 409
    back = {"fields": {"code": {"type": "string", "unique": True}}, "access": PUBLIC}
    assert plan_texts(admin.post("/resources/things/plan", json=back).json["data"]) == [
        "Distinguish upper and lower case in code."
    ]
    assert admin.put("/resources/things", json=back).status_code == 200
    admin.make("things", code="b")
    assert found(admin, code="b") == ["b"]


def test_checks_and_rules_of_indexes_follow_a_change_of_case(admin):
    plain = {"code": {"type": "string"}, "name": {"type": "string"}}
    rest = {
        "checks": {"differ": {"code": {"ne": {"field": "name"}}}},
        "unique": [{"fields": ["code"], "where": {"name": "main"}}],
        "access": PUBLIC,
    }
    admin.declare("things", plain, **rest)
    first = admin.make("things", code="A", name="a")
    admin.make("things", code="x", name="main")
    second = admin.make("things", code="x", name="MAIN")
    folded = {name: field | {"ignore_case": True} for name, field in plain.items()}
    plan = admin.post("/resources/things/plan", json={"fields": folded, **rest}).json["data"]
    assert plan_texts(plan) == [
        "Ignore upper and lower case in code.",
        "Ignore upper and lower case in name.",
        'Require unique values of code where {"name": "main"}, although 1 record would repeat values.',
        "Change the check differ: code must be not name, which 1 record would not meet.",
    ]
    assert [step["ids"] for step in plan["steps"]] == [[], [], [second["id"]], [first["id"]]]
    admin.patch(f"/things/{first['id']}", json={"name": "b"})
    admin.patch(f"/things/{second['id']}", json={"code": "y"})
    assert admin.put("/resources/things", json={"fields": folded, **rest}).status_code == 200
    assert admin.post("/things", json={"code": "Q", "name": "q"}).status_code == 422
    assert admin.post("/things", json={"code": "X", "name": "Main"}).status_code == 409
    assert admin.post("/things?upsert=code", json={"code": "X"}).status_code == 422
    assert admin.put("/resources/things", json={"fields": plain, **rest}).status_code == 200
    assert admin.post("/things", json={"code": "Q", "name": "q"}).status_code == 201


def test_a_path_sorts_and_groups_without_case(admin):
    admin.declare("places", {"name": {"type": "string", "unique": True, "ignore_case": True}}, access=PUBLIC)
    fields = {"code": {"type": "string"}, "place": {"type": "reference", "to": "places"}}
    admin.declare("things", fields, filters=["place.name"], access=PUBLIC)
    for code, name in (("1", "b"), ("2", "A"), ("3", "C")):
        admin.make("things", code=code, place=admin.make("places", name=name)["id"])
    assert found(admin, sort="place.name") == ["2", "1", "3"]
    assert found(admin, **{"place.name": "B"}) == ["1"]
    groups = admin.get("/things/aggregate?group_by=place.name&sort=-place.name").json["data"]
    assert [group["place.name"] for group in groups] == ["C", "b", "A"]


def test_an_upsert_finds_a_key_in_any_case(things):
    first = things.make("things", code="Ab", name="old")
    answer = things.post("/things?upsert=code", json={"code": "AB", "name": "new"})
    assert (answer.status_code, answer.json["data"]["id"]) == (200, first["id"])
    assert answer.json["data"]["code"] == "AB"


def test_a_folded_text_must_fit_its_index(things):
    longest = "ΐ" * 400  # 2 bytes each, 6 when folded
    assert things.make("things", plain=longest[:255], code="x" * 255)
    fields = {"code": {"type": "string", "unique": True, "max_length": 3000, "ignore_case": True}}
    things.declare("longs", fields, access=PUBLIC)
    assert things.post("/longs", json={"code": longest}).status_code == 201
    assert things.post("/longs", json={"code": longest + "ΐ"}).status_code == 422


def test_a_rename_keeps_the_folded_index(things):
    things.make("things", code="Ab")
    fields = {("label" if name == "code" else name): field for name, field in FIELDS.items()}
    fields["label"] = {**fields["label"], "renamed_from": "code"}
    body = {
        "name": "items",
        "renamed_from": "things",
        "fields": fields,
        "unique": [["name", "plain"]],
        "access": PUBLIC,
    }
    assert things.put("/resources/things", json=body).status_code == 200
    assert things.post("/items", json={"label": "aB"}).status_code == 409
    assert things.get("/items?label=AB").json["meta"]["total"] == 1


def test_rules_ignore_case_as_filters_do(admin, alice):
    rule = {"role": "member", "where": {"name": "PUBLIC"}}
    admin.declare("things", FIELDS, access={"list": [rule], "create": [rule]})
    assert alice.post("/things", json={"code": "a", "name": "Public"}).status_code == 201
    assert alice.post("/things", json={"code": "b", "name": "secret"}).status_code == 403
    admin.make("things", code="c", name="other")
    assert found(alice) == ["a"]


def test_the_document_says_that_case_is_ignored(things):
    document = things.get("http://localhost/openapi.json").json
    assert (
        "Upper and lower case" in document["components"]["schemas"]["ThingCreate"]["properties"]["code"]["description"]
    )
    parameters = {
        each["name"]: each for each in document["paths"]["/api/v1/things"]["get"]["parameters"] if "name" in each
    }
    assert parameters["code"]["description"] == "`code` is this, in upper or lower case"
