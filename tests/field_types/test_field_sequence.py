"""`sequence`: numbers that the database gives new records."""

import json

from tests.conftest import ON_SQLITE
from tests.field_types.contract import FieldTypeContract
from tests.helpers import CSV, NDJSON, PUBLIC, details_of, load, outcome, structure

NUMBER = {"type": "sequence"}
TITLE = {"type": "string"}
LOCKED = {"number": ["You may not set this field."]}


class TestSequence(FieldTypeContract):
    kept = [(number, number) for number in (1, 2**53 + 1, 10**18)]
    reads_texts = True
    refused_options = [
        ({"required": False}, "required"),
        ({"unique": False}, "unique"),
        ({"default": 1}, "default"),
        ({"writable_by": []}, "writable_by"),
        ({"start": 0}, "start"),
        ({"start": 10**15 + 1}, "start"),
        ({"start": "1"}, "start"),
        ({"min": 1}, "min"),
    ]
    # Requests cannot set it: the tests below create records otherwise.
    test_a_value_is_returned_in_its_canonical_form = None
    test_filters_find_what_they_say = None
    test_null_comes_last_in_either_order = None
    test_ordered_values_have_a_least_and_a_greatest = None


def numbers(person, name="bills", sort="id"):
    return [record["number"] for record in person.get(f"/{name}?sort={sort}&per_page=200").json["data"]]


def test_every_way_to_create_a_record_gives_the_next_number(admin, bob):
    admin.declare("bills", {"number": NUMBER, "title": TITLE}, access=PUBLIC, history=True)
    made = [bob.make("bills", title=title) for title in "ab"]
    assert [bill["number"] for bill in made] == [1, 2]
    create = {"op": "create", "resource": "bills", "data": {"title": "c"}}
    done = bob.post("/batch", json={"operations": [create, create]}).json["data"]
    assert [each["data"]["number"] for each in done] == [3, 4]
    assert outcome(load(bob, "title\nd\ne\n", CSV, "bills")) == (2, 2, 0, 0)
    assert outcome(load(bob, "title\nf\n", CSV, "bills", keep_good="true")) == (1, 1, 0, 0)
    assert numbers(bob) == [1, 2, 3, 4, 5, 6, 7]
    for bill in bob.get("/bills?number__gte=5").json["data"]:
        bob.delete(f"/bills/{bill['id']}")
    assert bob.make("bills")["number"] == 8
    (created,) = bob.get(f"/bills/{made[0]['id']}/history").json["data"]
    assert created["changes"]["number"] == {"from": None, "to": 1}


def test_no_request_sets_or_changes_a_number(admin, bob):
    admin.declare("bills", {"number": NUMBER, "title": TITLE}, access=PUBLIC)
    made, path = bob.make("bills", title="a"), "/bills/"
    path += made["id"]
    for person in (admin, bob):
        for body in ({"number": 7}, {"number": None}, {"number": made["number"], "title": "b"}):
            for answer in (
                person.post("/bills", json=body),
                person.patch(path, json=body),
                person.put(path, json=body),
            ):
                assert (answer.status_code, details_of(answer)) == (422, {"json": LOCKED})
        operation = {"op": "create", "resource": "bills", "data": {"number": 7}}
        assert person.post("/batch", json={"operations": [operation]}).status_code == 422
    replaced = bob.put(path, json={"title": "b"}).json["data"]
    assert (replaced["number"], replaced["title"]) == (1, "b")
    assert bob.make("bills")["number"] == 2


def test_numbers_are_listed_like_integers(admin):
    admin.declare("bills", {"number": NUMBER | {"start": 10}, "title": TITLE}, access=PUBLIC)
    for title in "aab":
        admin.make("bills", title=title)
    assert numbers(admin, sort="-number") == [12, 11, 10]
    filters = {"number": [11], "number__in": [11], "number__gt": [12], "number__lte": [10, 11], "number__ne": [10, 12]}
    for name, found in filters.items():
        answer = admin.get("/bills", query_string={name: 11})
        assert [bill["number"] for bill in answer.json["data"]] == found, name
    first = admin.get("/bills?sort=number&per_page=2").json
    rest = admin.get(f"/bills?sort=number&per_page=2&cursor={first['meta']['next_cursor']}").json
    assert [bill["number"] for bill in rest["data"]] == [12]
    groups = admin.get("/bills/aggregate?group_by=title&max=number&min=number&sort=title").json["data"]
    assert [(group["min"]["number"], group["max"]["number"]) for group in groups] == [(10, 11), (12, 12)]
    assert admin.get("/bills?number__isnull=true").status_code == 422
    assert admin.get("/bills/aggregate?sum=number").status_code == 422


@ON_SQLITE
def test_the_document_says_that_it_is_read_only(admin, bob):
    admin.declare("bills", {"number": NUMBER, "title": TITLE}, access=PUBLIC)
    for person in (admin, bob):
        schemas = person.get("http://localhost/openapi.json").json["components"]["schemas"]
        for name in ("BillCreate", "BillUpdate"):
            assert list(schemas[name]["properties"]) == ["title"]
        assert schemas["Bill"]["properties"]["number"]["type"] == "integer"


def test_records_in_place_are_numbered_in_the_order_of_id(admin):
    admin.declare("bills", {"title": TITLE}, search=["title"], access=PUBLIC)
    for title in "cab":
        admin.make("bills", title=title)
    body = {"fields": {"title": TITLE, "number": NUMBER | {"start": 100}}, "search": ["title"], "access": PUBLIC}
    (step,) = admin.post("/resources/bills/plan", json=body).json["data"]["steps"]
    text = "Add the field number, and number 3 records from 100 on, in the order of id."
    assert (step["text"], step["loses_data"], step["impossible"]) == (text, False, False)
    assert admin.put("/resources/bills", json=body).status_code == 200
    assert [(bill["title"], bill["number"]) for bill in admin.get("/bills?sort=id").json["data"]] == [
        ("c", 100),
        ("a", 101),
        ("b", 102),
    ]
    assert admin.make("bills")["number"] == 103
    admin.declare("fresh", body["fields"], search=["title"], access=PUBLIC)
    assert structure("bills") == structure("fresh")


def test_a_number_goes_on_after_renames_and_starts_again_after_a_drop(admin):
    two = {"number": NUMBER, "other": NUMBER | {"start": 50}, "title": TITLE}
    admin.declare("bills", two, access=PUBLIC)
    admin.make("bills")
    swapped = {
        "number": NUMBER | {"renamed_from": "other"},
        "other": NUMBER | {"renamed_from": "number"},
        "title": TITLE | {"max_length": 20},
    }
    answer = admin.put("/resources/bills", json={"fields": swapped, "access": PUBLIC})
    assert answer.status_code == 200, answer.json
    assert [(bill["number"], bill["other"]) for bill in (admin.make("bills"),)] == [(51, 2)]
    body = {"name": "invoices", "renamed_from": "bills", "fields": swapped, "access": PUBLIC}
    assert admin.put("/resources/bills", json=body).status_code == 200
    made = admin.make("invoices")
    assert (made["number"], made["other"]) == (52, 3)
    body = {"fields": {"number": swapped["number"], "title": TITLE}, "access": PUBLIC}
    plan = admin.post("/resources/invoices/plan", json=body).json["data"]
    assert admin.put(f"/resources/invoices?confirm={plan['fingerprint']}", json=body).status_code == 200
    body["fields"]["other"] = NUMBER
    assert admin.put("/resources/invoices", json=body).status_code == 200
    made = admin.make("invoices")
    assert (made["number"], made["other"]) == (53, 4)  # three records were numbered again
    admin.delete("/resources/invoices?confirm=true")
    admin.declare("invoices", {"number": NUMBER}, access=PUBLIC)
    assert admin.make("invoices")["number"] == 1


def test_a_greater_start_is_continued_from_and_a_smaller_one_is_not(admin):
    admin.declare("bills", {"number": NUMBER}, access=PUBLIC)
    for start, expected in ((1000, 1000), (5, 1001)):
        body = {"fields": {"number": NUMBER | {"start": start}}, "access": PUBLIC}
        (step,) = admin.post("/resources/bills/plan", json=body).json["data"]["steps"]
        assert step["action"] == "change_start"
        assert admin.put("/resources/bills", json=body).status_code == 200
        assert admin.make("bills")["number"] == expected


def test_integers_become_a_sequence_if_every_record_has_a_different_one(admin):
    admin.declare("bills", {"number": {"type": "integer"}}, access=PUBLIC)
    made = [admin.make("bills", number=number) for number in (7, None, 7, 0)]
    body = {"fields": {"number": NUMBER}, "access": PUBLIC}
    plan = admin.post("/resources/bills/plan", json=body).json["data"]
    assert not plan["possible"]
    assert {(step["action"], step["records"]) for step in plan["steps"] if step["impossible"]} == {
        ("require", 1),
        ("change_type", 1),
        ("add_unique", 1),
    }
    for bill, number in zip(made, (7, 3, 40, 1), strict=True):
        admin.patch(f"/bills/{bill['id']}", json={"number": number})
    assert admin.put("/resources/bills", json=body).status_code == 200
    assert admin.make("bills")["number"] == 41
    body = {"fields": {"number": {"type": "integer"}}, "access": PUBLIC}
    assert admin.put("/resources/bills", json=body).status_code == 200
    assert admin.make("bills", number=41)["number"] == 41
    assert numbers(admin) == [7, 3, 40, 1, 41, 41]


def test_a_field_is_computed_from_a_number(admin):
    code = {"type": "string", "computed": "concat('INV-', number)", "unique": True}
    admin.declare("bills", {"number": NUMBER, "code": code, "title": TITLE}, access=PUBLIC)
    assert [admin.make("bills")["code"] for _ in range(2)] == ["INV-1", "INV-2"]
    admin.declare("invoices", {"title": TITLE}, access=PUBLIC)
    for title in "ab":
        admin.make("invoices", title=title)
    body = {"fields": {"title": TITLE, "number": NUMBER | {"start": 7}, "code": code}, "access": PUBLIC}
    assert admin.post("/resources/invoices/plan", json=body).json["data"]["possible"]
    answer = admin.put("/resources/invoices", json=body)
    assert answer.status_code == 200, answer.json
    assert [bill["code"] for bill in admin.get("/invoices?sort=id").json["data"]] == ["INV-7", "INV-8"]
    assert admin.make("invoices")["code"] == "INV-9"


def test_an_import_by_an_admin_keeps_numbers_and_others_get_new_ones(admin, bob):
    admin.declare("bills", {"number": NUMBER, "title": TITLE}, access=PUBLIC)
    assert outcome(load(admin, "number,title\n7,a\n,b\n5,c\n", CSV, "bills")) == (3, 3, 0, 0)
    assert numbers(admin) == [7, 8, 5]
    assert outcome(load(bob, "number,title\n70,d\n", CSV, "bills")) == (1, 1, 0, 0)
    assert numbers(admin) == [7, 8, 5, 9]
    taken = load(admin, '{"number": 7}\n{"number": 20}\n{"number": 20}\n', NDJSON, "bills")
    assert [list(rows) for rows in details_of(taken).values()] == [["1", "3"]]
    for number in (0, -1, 10**18 + 1, 2**63, "x"):
        assert load(admin, f"number\n{number}\n", CSV, "bills").status_code == 422
    assert numbers(admin) == [7, 8, 5, 9]


def test_an_import_finds_records_by_number_and_leaves_it_as_it_is(admin, bob):
    admin.declare("bills", {"number": NUMBER, "title": TITLE}, access=PUBLIC)
    made = [bob.make("bills", title=title) for title in "ab"]
    upsert = {"mode": "upsert", "key": "number"}
    assert outcome(load(bob, "number,title\n2,B\n", CSV, "bills", **upsert)) == (1, 0, 1, 0)
    answer = load(bob, "number,title\n3,c\n", CSV, "bills", **upsert)
    assert details_of(answer) == {"rows": {"2": ["number: There is no such record."]}}
    assert outcome(load(admin, "number,title\n5,e\n", CSV, "bills", **upsert)) == (1, 1, 0, 0)
    row = f"id,number,title\n{made[0]['id']},99,A\n"
    assert outcome(load(bob, row, CSV, "bills", mode="upsert", key="id")) == (1, 0, 1, 0)
    file = bob.get("/bills/export?fields=id,number,title&sort=id").text
    assert outcome(load(bob, file, CSV, "bills", mode="upsert", key="id")) == (3, 0, 3, 0)
    found = [(bill["number"], bill["title"]) for bill in bob.get("/bills?sort=id").json["data"]]
    assert found == [(1, "A"), (2, "B"), (5, "e")]
    assert bob.make("bills")["number"] == 6


def test_a_hidden_number_cannot_be_found_out(admin, bob, edith):
    fields = {"number": NUMBER | {"readable_by": ["editor"]}, "title": TITLE}
    admin.declare("bills", fields, access={action: ["member"] for action in PUBLIC})
    assert set(bob.make("bills", title="a")) & {"number"} == set()
    assert details_of(bob.post("/bills", json={"number": 1})) == {"json": {"number": ["Unknown field."]}}
    for query in ({}, {"mode": "upsert", "key": "number"}):
        assert load(bob, "number,title\n1,x\n", CSV, "bills", **query).status_code == 422
    assert "number" not in json.dumps(bob.get("http://localhost/openapi.json").json["components"]["schemas"]["Bill"])
    assert numbers(edith) == [1]
    assert details_of(edith.post("/bills", json={"number": 1})) == {"json": LOCKED}


def test_a_rule_for_create_sees_no_number_yet(admin, bob):
    rules = {"create": [{"role": "member", "where": {"number": {"lte": 1}}}]}
    admin.declare("bills", {"number": NUMBER}, access=PUBLIC | rules)
    assert bob.post("/bills", json={}).status_code == 403
    rules = {"update": [{"role": "member", "where": {"number": {"lte": 1}}}]}
    admin.put("/resources/bills", json={"fields": {"number": NUMBER, "title": TITLE}, "access": PUBLIC | rules})
    made = [bob.make("bills") for _ in range(2)]
    assert [bob.patch(f"/bills/{bill['id']}", json={"title": "x"}).status_code for bill in made] == [200, 403]


@ON_SQLITE
def test_a_profile_has_no_sequence(admin):
    assert admin.put("/users/settings", json={"fields": {"number": NUMBER}}).status_code == 422
