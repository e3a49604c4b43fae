"""Computed fields: their values, alike on both databases, who sees them, and where they can be used."""

import json

from tests.conftest import ON_SQLITE
from tests.helpers import PUBLIC, details_of, load, outcome

FUNCTIONS = "The functions are coalesce, concat, day, hour, lower, month, year."
LINES = {
    "name": {"type": "string", "required": True},
    "price": {"type": "decimal"},
    "quantity": {"type": "integer"},
    "total": {"type": "decimal", "computed": "price * quantity"},
}
INPUTS = {
    "price": {"type": "decimal", "precision": 18, "scale": 4},
    "quantity": {"type": "integer"},
    "weight": {"type": "number"},
    "first": {"type": "string"},
    "last": {"type": "text"},
    "size": {"type": "enum", "choices": ["S", "L"]},
    "born": {"type": "date"},
    "seen": {"type": "datetime"},
}
# Expression, type, and the value for each of the records in order.
RECORDS = [
    {
        **{"price": "12.5050", "quantity": 3, "weight": 0.5, "first": "Ada", "last": "ΑΣ İß’s", "size": "L"},
        **{"born": "1815-12-10", "seen": "2026-01-01T00:30:00+01:00"},
    },
    {"price": "-0.0050", "quantity": 0, "weight": -2, "first": "", "born": "0001-02-03"},
    {"quantity": 9007199254740993, "price": "99999999999999.9999"},  # two do not fit
]
TEXTS = ["a37.51500.10", "a0.00000.10", "a900719925474099299099280074525.90070.10"]
COMPUTED = [
    ("price * quantity", {"type": "decimal", "precision": 18, "scale": 2}, ["37.52", "0.00", "fits not"]),
    ("price", {"type": "decimal", "scale": 2}, ["12.51", "-0.01", "fits not"]),
    ("price", {"type": "integer"}, [13, 0, 100000000000000]),
    ("price / quantity", {"type": "decimal", "scale": 5}, ["4.16833", None, "0.01110"]),
    ("1 / 3 * 3", {"type": "decimal", "scale": 10}, ["1.0000000000"] * 3),
    ("2 / 3 - -1.5", {"type": "decimal", "scale": 3}, ["2.167"] * 3),
    ("quantity * quantity / quantity", {"type": "integer"}, [3, None, 9007199254740993]),
    ("(quantity + 1) * 2 - quantity * 3", {"type": "integer"}, [-1, 2, -9007199254740991]),
    ("-quantity", {"type": "integer"}, [-3, 0, -9007199254740993]),
    ("price * weight", {"type": "number"}, [6.2525, 0.01, None]),
    ("weight / quantity", {"type": "number"}, [0.5 / 3, None, None]),
    ("quantity * 0.1", {"type": "number"}, [0.3, 0, 900719925474099.3]),
    ("coalesce(price, weight, 1)", {"type": "number"}, [12.505, -0.005, 99999999999999.9999]),
    ("coalesce(first, last, 'none')", {"type": "string"}, ["Ada", "", "none"]),
    ('concat(first, " ", lower(last))', {"type": "string"}, ["Ada ασ i̇ß’s", None, None]),
    ("concat(coalesce(size, '-'), '%''?', quantity)", {"type": "text"}, ["L%'?3", "-%'?0", "-%'?9007199254740993"]),
    ("concat('a', price * quantity, 0.10)", {"type": "string"}, TEXTS),
    ("lower(size)", {"type": "string"}, ["l", None, None]),
    ("year(born) * 100 + month(born)", {"type": "integer"}, [181512, 102, None]),
    ("day(seen) + hour(seen)", {"type": "integer"}, [31 + 23, None, None]),
    ("year(seen)", {"type": "integer"}, [2025, None, None]),
    ("coalesce(born, born)", {"type": "date"}, ["1815-12-10", "0001-02-03", None]),
    ("seen", {"type": "datetime"}, ["2025-12-31T23:30:00.000000Z", None, None]),
]


def test_a_value_is_computed_when_a_record_is_written(admin):
    admin.declare("lines", LINES, access=PUBLIC)
    line = admin.make("lines", name="a", price="2.50", quantity=3)
    assert line["total"] == "7.50"
    changed = admin.patch(f"/lines/{line['id']}", json={"quantity": 4}).json["data"]
    assert (changed["total"], changed["version"]) == ("10.00", 2)
    assert admin.put(f"/lines/{line['id']}", json={"name": "b"}).json["data"]["total"] is None
    for method in (admin.post, lambda *_, **options: admin.patch(f"/lines/{line['id']}", **options)):
        answer = method("/lines", json={"name": "c", "total": "1.00"})
        assert (answer.status_code, details_of(answer)["json"]) == (
            422,
            {"total": ["You may not set this field."]},
        )


def test_every_expression_has_the_same_value_on_both_databases(admin):
    computed = {f"c{i}": {"computed": text, **options} for i, (text, options, _) in enumerate(COMPUTED)}
    admin.declare("things", INPUTS | computed, access=PUBLIC)
    for number, record in enumerate(RECORDS[:2]):
        made = admin.make("things", **record)
        assert [made[f"c{i}"] for i in range(len(COMPUTED))] == [values[number] for _, _, values in COMPUTED]
    refused = admin.post("/things", json=RECORDS[2])
    assert refused.status_code == 422
    assert set(details_of(refused)["json"]) <= {"c0", "c1"}
    body = {
        "name": "things",
        "fields": INPUTS | {name: computed[name] for name in computed if name not in ("c0", "c1")},
    }
    assert admin.put("/resources/things", json=body | {"access": PUBLIC}).status_code == 200
    made = admin.make("things", **RECORDS[2])
    assert [made[f"c{i}"] for i in range(2, len(COMPUTED))] == [values[2] for _, _, values in COMPUTED[2:]]


def test_the_longest_expressions_can_be_computed(admin):
    texts = ["+".join(["n"] * 49), "*".join(["x"] * 49), "(" * 19 + "n" + "-1)" * 19, "/".join(["x"] * 49)]
    kinds = ["integer", "number", "integer", "number"]
    fields = {f"c{i}": {"type": kinds[i], "computed": text} for i, text in enumerate(texts)}
    admin.declare("things", {"n": {"type": "integer"}, "x": {"type": "number"}} | fields, access=PUBLIC)
    thing = admin.make("things", n=2, x=0.5)
    assert [thing[f"c{i}"] for i in range(4)] == [98, 0.5**49, -17, 2.0**47]
    refused = admin.post("/things", json={"x": 1e-300})  # `c1` is 0
    assert (refused.status_code, set(details_of(refused)["json"])) == (422, {"c3"})


@ON_SQLITE
def test_an_expression_that_is_not_valid_is_refused_with_its_place(admin):
    tags = {"tags": {"type": "json"}, "twice": {"type": "integer", "computed": "quantity"}}
    for text, problem in [
        ("price * qty", "There is no field qty."),
        ("price *", "Something is missing at the end."),
        ("price price", "Unexpected price at character 7."),
        ("(price", "Something is missing at the end."),
        ("price & 1", "Character 7 cannot be read: & 1"),
        ("1.2.3", "Character 1 cannot be read: 1.2.3"),
        ("'price", "Character 1 cannot be read: 'price"),
        ("--price", "Unexpected - at character 2."),
        (
            "sqrt(price)",
            "There is no function sqrt. " + FUNCTIONS,
        ),
        ("year(price)", "`year` cannot take an exact number."),
        ("hour(born)", "`hour` cannot take a date."),
        ("hour(seen, seen)", "`hour` takes one value."),
        ("lower()", "Unexpected ) at character 7."),
        ("price + first", "`+` needs numbers, but here is a text."),
        ("coalesce(price, first)", "`coalesce` needs values of one kind, but here are a text and an exact number."),
        ("concat(first, weight)", "`concat` cannot take a number."),
        ("tags", "The field tags is of type json, which cannot be used here."),
        ("id", "The field id is of type uuid, which cannot be used here."),
        ("twice", "The field twice is computed itself; use the fields that it is computed from."),
        ("value", "The field value is computed itself; use the fields that it is computed from."),
        ("weight", "This is a number, which a field of type decimal cannot hold."),
        ("first", "This is a text, which a field of type decimal cannot hold."),
        ("(" * 30 + "1" + ")" * 30, "Nested more than 20 deep."),
        ("+".join("1" * 60), "Longer than 100 names, numbers, texts and signs."),
    ]:
        fields = INPUTS | tags | {"value": {"type": "decimal", "computed": text}}
        answer = admin.post("/resources", json={"name": "things", "fields": fields})
        assert answer.status_code == 422, text
        assert details_of(answer)["json"] == {"fields": {"value": {"computed": [f"`{text}`: {problem}"]}}}


@ON_SQLITE
def test_options_without_meaning_are_refused(admin):
    for field, option in [
        ({"type": "decimal", "required": True}, "required"),
        ({"type": "decimal", "default": "1.00"}, "default"),
        ({"type": "decimal", "writable_by": ["editor"]}, "writable_by"),
        ({"type": "decimal", "min": "1.00"}, "min"),
        ({"type": "json"}, "computed"),
        ({"type": "url"}, "computed"),
        ({"type": "reference", "to": "things"}, "computed"),
    ]:
        fields = INPUTS | {"value": field | {"computed": "price"}}
        answer = admin.post("/resources", json={"name": "things", "fields": fields})
        assert answer.status_code == 422, field
        assert set(details_of(answer)["json"]["fields"]["value"]) == {option}
    label = {"type": "string", "computed": "first", "index": True, "max_length": 2000}
    for rest, details in [
        ({"search": ["label"]}, {"search": ["Not a text field of this resource: label."]}),
        ({}, {"fields": {"label": {"max_length": ["At most 600, because the field is in an index."]}}}),
    ]:
        answer = admin.post("/resources", json={"name": "things", "fields": INPUTS | {"label": label}, **rest})
        assert (answer.status_code, details_of(answer)["json"]) == (422, details)
    profile = {"fields": {"label": {"type": "string", "computed": "name"}}}
    assert admin.put("/users/settings", json=profile).status_code == 422


def test_lists_and_aggregates_use_computed_fields(admin):
    fields = LINES | {"label": {"type": "string", "computed": "concat(name, ' x', quantity)", "unique": True}}
    admin.declare("lines", fields, access=PUBLIC, indexes=[["total"]])
    for name, price, quantity in [("a", "1.25", 2), ("b", "0.10", 3), ("c", "1.25", None), ("d", "-1.00", 4)]:
        admin.make("lines", name=name, price=price, quantity=quantity)

    def names(query):
        return "".join(line["name"] for line in admin.get(f"/lines?{query}").json["data"])

    assert names("sort=total") == "dbac"
    assert names("sort=-total&per_page=2") == "ab"
    assert names("total__gte=0.30&sort=name") == "ab"
    assert names("total=2.50") == "a"
    assert names("total__isnull=true") == "c"
    assert names("label__startswith=b") == "b"
    first = admin.get("/lines?sort=total&per_page=2").json
    assert names(f"sort=total&per_page=2&cursor={first['meta']['next_cursor']}") == "ac"
    summed = admin.get("/lines/aggregate?sum=total&max=total&avg=total").json["data"]
    assert summed == [
        {"count": 4, "sum": {"total": "-1.20"}, "avg": {"total": "-0.40000000"}, "max": {"total": "2.50"}}
    ]
    assert len(admin.get("/lines/aggregate?group_by=total").json["data"]) == 4
    answer = admin.post("/lines", json={"name": "a", "quantity": 2})
    assert (answer.status_code, details_of(answer)["json"]) == (409, {"label": ["Already taken."]})


def test_files_batches_and_history_have_computed_fields(admin):
    admin.declare("lines", LINES, access=PUBLIC, history=True)
    line = admin.make("lines", name="a", price="1.25", quantity=2)
    exported = admin.get("/lines/export").text
    assert exported.splitlines()[0].lstrip("\ufeff").startswith("id,name,price,quantity,total,")
    assert outcome(load(admin, exported, resource="lines", mode="upsert", key="id")) == (1, 0, 1, 0)
    ndjson = json.dumps({"name": "b", "price": "2.00", "quantity": 3, "total": "99.00"})
    assert outcome(load(admin, ndjson, "application/x-ndjson", resource="lines")) == (1, 1, 0, 0)
    assert [each["total"] for each in admin.get("/lines?sort=name").json["data"]] == ["2.50", "6.00"]
    rows = "name,price,quantity\nc,9999999999.99,1\nd,9999999999.99,2\n"
    for query in ({"dry_run": "true"}, {}):
        many = load(admin, rows, resource="lines", keep_good="true", **query)
        assert outcome(many) == (2, 1, 0, 1)
        message = "total: The value that is computed for this field does not fit it."
        assert many.json["data"]["problems"] == [{"line": 3, "code": "too_large", "message": message, "place": "total"}]
    update = {"op": "update", "resource": "lines", "id": line["id"], "data": {"quantity": 4}}
    done = admin.post("/batch", json={"operations": [update]})
    assert done.json["data"][0]["data"]["total"] == "5.00"
    refused = admin.post("/batch", json={"operations": [update | {"data": {"total": "1.00"}}]})
    assert refused.status_code == 422
    entries = admin.get(f"/lines/{line['id']}/history").json["data"]
    assert entries[0]["changes"] == {
        "quantity": {"from": 2, "to": 4},
        "total": {"from": "2.50", "to": "5.00"},
    }


def test_a_value_that_does_not_fit_is_refused_and_names_its_field(admin):
    numbers = {"total": {"type": "integer", "computed": "n * n"}, "big": {"type": "number", "computed": "x * x"}}
    texts = {"label": {"type": "string", "computed": "concat(a, a)", "max_length": 5}}
    inputs = {"n": {"type": "integer"}, "x": {"type": "number"}, "a": {"type": "string"}}
    secret = {"hidden": {"type": "integer", "readable_by": []}, "hidden_total": {"type": "integer", "readable_by": []}}
    secret["hidden_total"]["computed"] = "n * 8"
    admin.declare("things", inputs | secret | texts | numbers, access=PUBLIC)
    thing = admin.make("things", n=3037000499, x=1e154, a="éé")
    assert (thing["total"], thing["label"]) == (3037000499**2, "éééé")
    for name, values in [("total", {"n": 3037000500}), ("label", {"a": "ééé"}), ("big", {"x": 1e155})]:
        for answer in (admin.post("/things", json=values), admin.patch(f"/things/{thing['id']}", json=values)):
            assert answer.status_code == 422
            assert name in details_of(answer)["json"]
    assert admin.get("/things").json["data"] == [thing]


def test_a_hidden_input_is_not_revealed(admin, alice, edith):
    fee = {"type": "decimal", "readable_by": ["editor"]}
    double = {"type": "decimal", "computed": "fee * 2"}
    hours = {"hours": {"type": "integer"}, "cost": {"type": "integer", "computed": "hours * 8", "readable_by": []}}
    for readers, status in [(None, 422), (["member"], 422), (["editor", "member"], 422), (["admin", "editor"], 201)]:
        rule = {} if readers is None else {"readable_by": readers}
        body = {"name": "tasks", "fields": hours | {"fee": fee, "double": double | rule}, "access": PUBLIC}
        answer = admin.post("/resources", json=body)
        assert answer.status_code == status, answer.json
    job = admin.make("tasks", fee="4000000000.00", hours=1)
    assert edith.get(f"/tasks/{job['id']}").status_code == 200
    assert {"fee", "double", "cost"}.isdisjoint(alice.get(f"/tasks/{job['id']}").json["data"])
    for query in ("double__gt=1", "sort=double", "fields=double"):
        assert alice.get(f"/tasks?{query}").status_code == 422
    assert "double" not in json.dumps(alice.get("http://localhost/openapi.json").json)
    task = alice.post("/tasks", json={"hours": 2**62}).json["data"]  # a refusal would say something about `cost`
    assert admin.get(f"/tasks/{task['id']}").json["data"]["cost"] is None
    answer = alice.post("/tasks", json={"double": "1.00"})
    assert details_of(answer)["json"] == {"double": ["Unknown field."]}


@ON_SQLITE
def test_the_document_describes_computed_fields(admin):
    admin.declare("lines", LINES, access=PUBLIC)
    schemas = admin.get("http://localhost/openapi.json").json["components"]["schemas"]
    total = schemas["Line"]["properties"]["total"]
    assert total["description"] == "Computed as `price * quantity`"
    assert "total" not in schemas["LineCreate"]["properties"]
    assert "total" not in schemas["LineUpdate"]["properties"]
    assert "computed" in schemas["DecimalField"]["properties"]
    assert "computed" not in schemas["JsonField"]["properties"]


def test_rules_can_name_computed_fields(admin, alice):
    small = [{"role": "member", "where": {"total": {"lte": "100.00"}}}]
    admin.declare("lines", LINES, access={"list": ["member"], "read": ["member"], "create": small, "update": small})
    line = alice.make("lines", name="a", price="10.00", quantity=10)
    for values in ({"name": "b", "price": "10.00", "quantity": 11}, {"name": "b"}):
        assert alice.post("/lines", json=values).status_code == 403
    assert alice.patch(f"/lines/{line['id']}", json={"quantity": 11}).status_code == 403
    assert alice.patch(f"/lines/{line['id']}", json={"quantity": 9}).json["data"]["total"] == "90.00"
    report = load(alice, "name,price,quantity\nc,1.00,100\nd,1.00,101\n", resource="lines")
    problem = {"3": ["You may not create a record of lines with these values."]}
    assert (report.status_code, details_of(report)) == (422, {"rows": problem})
