"""`POST /<name>?upsert=…` and the operation `upsert` of a batch."""

import pytest

from tests.conftest import ON_SQLITE
from tests.helpers import OPEN, details_of

FIELDS = {
    "code": {"type": "string", "unique": True},
    "title": {"type": "string", "required": True},
    "stars": {"type": "integer", "default": 3},
    "shelf": {"type": "integer"},
    "place": {"type": "integer"},
    "maker": {"type": "reference", "to": "makers"},
}
DOCUMENT = "http://localhost/openapi.json"
SETS = [["shelf", "place"], ["created_by", "title"]]


@pytest.fixture
def books(admin):
    """Books, which refer to makers that only their owners may read."""
    admin.declare("makers", {"name": {"type": "string"}}, access=OPEN | {"read": ["owner"]})
    return admin.declare("books", FIELDS, access=OPEN, unique=SETS, history=True, search=["title"])


def upsert(person, key, body, **options):
    return person.post(f"/books?upsert={key}", json=body, **options)


def operation(key, data, **parts):
    return {"op": "upsert", "resource": "books", "key": key, "data": data, **parts}


def send(person, *operations):
    return person.post("/batch", json={"operations": operations})


def refusal(answer):
    return answer.status_code, details_of(answer)


def test_creates_a_record_and_changes_it(books, alice, bob):
    made = upsert(alice, "code", {"code": "a", "title": "Emma", "shelf": 1})
    assert (made.status_code, made.json["message"], made.headers["ETag"]) == (201, "Created", '"1"')
    record = alice.get_made(made)
    assert (record["stars"], record["shelf"], record["created_by"]) == (3, 1, alice.id)
    # A change needs no required field, and leaves other fields as they are.
    changed = upsert(bob, "code", {"code": "a", "stars": 5})
    assert (changed.status_code, changed.json["message"], changed.headers["ETag"]) == (200, "Updated", '"2"')
    assert "Location" not in changed.headers
    assert changed.json["data"] == record | {"stars": 5, "version": 2, "updated_at": changed.json["data"]["updated_at"]}
    assert upsert(bob, "code", {"code": "a", "title": "Evelina"}).json["data"]["version"] == 3
    assert alice.get("/books?q=evelina").json["meta"]["total"] == 1
    assert alice.get("/books?q=emma").json["meta"]["total"] == 0
    entries = alice.get(f"/books/{record['id']}/history").json["data"]
    assert sorted((entry["version"], entry["changed_by"]) for entry in entries) == [
        (1, alice.id),
        (2, bob.id),
        (3, bob.id),
    ]


def test_a_declared_set_is_a_key(books, alice, bob):
    first = upsert(alice, "shelf,place", {"shelf": 1, "place": 2, "title": "Emma"})
    again = upsert(bob, "shelf,place", {"shelf": 1, "place": 2, "title": "Evelina"})
    other = upsert(bob, "shelf,place", {"shelf": 1, "place": 3, "title": "Romola"})
    assert [each.status_code for each in (first, again, other)] == [201, 200, 201]
    assert again.json["data"]["id"] == first.json["data"]["id"]
    # `created_by` in a key is the caller.
    answers = [
        upsert(person, "created_by,title", {"title": "Emma", "stars": n}) for n, person in enumerate((alice, bob, bob))
    ]
    assert [each.status_code for each in answers] == [201, 201, 200]
    assert answers[2].json["data"]["id"] == answers[1].json["data"]["id"]


def test_refuses_a_key_without_a_value(books, alice):
    required = "A value is required, because this field is the key."
    for key, body, missing in (
        ("code", {"title": "Emma"}, ["code"]),
        ("code", {"title": "Emma", "code": None}, ["code"]),
        ("shelf,place", {"title": "Emma", "place": None}, ["shelf", "place"]),
        ("created_by,title", {}, ["title"]),
    ):
        details = {"json": {name: [required] for name in missing}}
        assert refusal(upsert(alice, key, body)) == (422, details)
        answer = send(alice, operation(key, body))
        assert refusal(answer) == (422, {"operations": {"0": {"data": details["json"]}}})
    assert refusal(upsert(alice, "code", {"code": "a"})) == (
        422,
        {"json": {"title": ["A value is required."]}},
    )
    assert alice.get("/books").json["meta"]["total"] == 0


@ON_SQLITE
def test_refuses_other_keys_and_bodies(books, admin, alice):
    keys = "code, shelf,place, created_by,title"
    for key in ("", "id", "title", "place,shelf", "code,code", "nope", "created_by"):
        status, refused = refusal(upsert(alice, key, {"title": "x"}))
        assert (status, refused["query"]["upsert"][0].partition(" Did")[0]) == (422, f"Must be one of: {keys}.")
        details = {"operations": {"0": {"key": ["Must be one of: code; shelf,place; created_by,title."]}}}
        assert refusal(send(alice, operation(key, {"title": "x"}))) == (422, details)
    assert refusal(alice.post("/makers?upsert=name", json={})) == (422, {"query": {"upsert": ["Unknown parameter."]}})
    for body, kind in (([], "an array"), ("x", "a text"), (1, "a number")):
        message = f"An object was expected, not {kind}."
        assert refusal(upsert(alice, "code", body)) == (422, {"json": {"_schema": [message]}})
    bad = {"code": "a", "stars": "x", "nope": 1, "version": 3}
    problems = {
        "stars": ["Write a whole number such as 12."],
        "nope": ["Unknown field."],
        "version": ["Larder sets this field; leave it out."],
    }
    assert refusal(upsert(alice, "code", bad)) == (422, {"json": problems})
    assert alice.post("/books?upsert=code", data="x").status_code == 415
    for parts in ({"id": "0193e0f4-0000-7000-8000-000000000000"}, {"key": None}):
        answer = send(alice, {**operation("code", {}), **parts})
        assert answer.status_code == 422
    assert admin.post("/resources", json={"name": "x", "fields": {"upsert": {"type": "string"}}}).status_code == 422


def test_both_grants_are_needed(books, admin, alice, edith):
    for missing in ("create", "update"):
        admin.put("/resources/books", json={"fields": FIELDS, "unique": SETS, "access": OPEN | {missing: ["editor"]}})
        answer = upsert(alice, "code", {"code": "a", "title": "Emma"})
        assert answer.status_code == 403
        assert send(alice, operation("code", {"code": "a"})).status_code == 403
        assert (
            upsert(edith, "code", {"code": "a", "title": missing}).status_code
            == {"create": 201, "update": 200}[missing]
        )


@pytest.mark.parametrize("action", ["read", "update"])
def test_a_record_that_one_may_not_change_is_an_ordinary_conflict(books, admin, alice, bob, action):
    rule = {"role": "member", "where": {"stars": {"lt": 5}}}
    admin.put("/resources/books", json={"fields": FIELDS, "unique": SETS, "access": OPEN | {action: [rule]}})
    hers = admin.make("books", code="a", title="Emma", stars=5)
    posted = bob.post("/books", json={"code": "a", "title": "Romola"})
    upserted = upsert(bob, "code", {"code": "a", "title": "Romola"})
    assert posted.status_code == upserted.status_code == 409
    assert upserted.json["error"] == posted.json["error"]
    lacking = {"code": "a", "stars": 1}
    assert upsert(bob, "code", lacking).json["error"] == bob.post("/books", json=lacking).json["error"]
    assert admin.get(f"/books/{hers['id']}").json["data"] == hers
    # One's own is changed, but not into one that may not be changed.
    own = upsert(bob, "code", {"code": "b", "title": "Romola"}).json["data"]
    assert upsert(bob, "code", {"code": "b", "stars": 4}).status_code == 200
    answer = upsert(bob, "code", {"code": "b", "stars": 5})
    assert answer.status_code == (403 if action == "update" else 200)
    assert admin.get(f"/books/{own['id']}").json["data"]["stars"] == (4 if action == "update" else 5)


def test_rules_of_fields_and_references_hold(books, admin, alice, bob):
    fields = FIELDS | {
        "code": FIELDS["code"] | {"readable_by": ["editor"]},
        "shelf": FIELDS["shelf"] | {"writable_by": ["editor"]},
    }
    admin.put("/resources/books", json={"fields": fields, "unique": SETS, "access": OPEN})
    refused = (422, {"query": {"upsert": ["Must be one of: created_by,title."]}})
    for key in ("code", "shelf,place"):
        assert refusal(upsert(alice, key, {"code": "a", "title": "Emma"})) == refused
    assert refusal(upsert(alice, "created_by,title", {"title": "Emma", "code": "a"})) == (
        422,
        {"json": {"code": ["Unknown field."]}},
    )
    made = alice.make("makers", name="Hers")["id"]
    assert upsert(alice, "created_by,title", {"title": "Emma", "maker": made}).status_code == 201
    assert refusal(upsert(bob, "created_by,title", {"title": "Emma", "maker": made})) == (
        422,
        {"json": {"maker": ["There is no such record of makers."]}},
    )
    # Without a key that they may use, callers cannot see that there are any.
    admin.put("/resources/books", json={"fields": fields, "access": OPEN})
    assert refusal(upsert(alice, "code", {})) == refusal(alice.post("/makers?upsert=code", json={}))
    post = alice.get(DOCUMENT).json["paths"]["/api/v1/books"]["post"]
    like = alice.get(DOCUMENT).json["paths"]["/api/v1/makers"]["post"]
    assert post["responses"].keys() == like["responses"].keys()
    assert [each.get("name") for each in post["parameters"]] == [each.get("name") for each in like["parameters"]]
    assert post["summary"] == like["summary"].replace("makers", "books")


def test_if_match(books, admin, alice):
    nothing = upsert(alice, "code", {"code": "a", "title": "Emma"}, headers={"If-Match": '"1"'})
    assert nothing.status_code == 412
    assert upsert(alice, "code", {"code": "a", "title": "Emma"}, headers={"If-Match": "*"}).status_code == 412
    assert send(alice, operation("code", {"code": "a", "title": "Emma"}, if_match="*")).status_code == 412
    upsert(alice, "code", {"code": "a", "title": "Emma"})
    assert upsert(alice, "code", {"code": "a", "stars": 1}, headers={"If-Match": '"1"'}).status_code == 200
    assert upsert(alice, "code", {"code": "a", "stars": 2}, headers={"If-Match": '"1"'}).status_code == 412
    assert send(alice, operation("code", {"code": "a", "stars": 2}, if_match="1")).status_code == 412
    assert send(alice, operation("code", {"code": "a", "stars": 2}, if_match="2")).status_code == 200
    assert send(alice, operation("code", {"code": "a", "stars": 3}, if_match=" * ")).status_code == 200
    assert send(alice, operation("code", {"code": "a", "stars": 2}, if_match='"*"')).status_code == 412
    parts = {"fields": FIELDS, "access": OPEN, "unique": SETS, "require_if_match": True}
    assert admin.put("/resources/books", json=parts).status_code == 200
    assert upsert(alice, "code", {"code": "a", "stars": 4}).status_code == 428
    assert upsert(alice, "code", {"code": "a", "stars": 4}, headers={"If-Match": "*"}).status_code == 200
    assert upsert(alice, "code", {"code": "b", "title": "Romola"}).status_code == 201


def test_a_repeated_request_gets_the_first_response(books, alice):
    headers = {"Idempotency-Key": "one"}
    body = {"code": "a", "title": "Emma"}
    first = upsert(alice, "code", body, headers=headers)
    upsert(alice, "code", body | {"title": "Evelina"})
    again = upsert(alice, "code", body, headers=headers)
    assert (again.status_code, again.json) == (201, first.json)
    assert again.headers["Location"] == first.headers["Location"]


def test_in_a_batch(books, alice, bob):
    old = bob.make("books", code="a", title="Emma")
    answer = send(
        alice,
        operation("code", {"code": "a", "stars": 5}),
        operation("code", {"code": "b", "title": "Romola"}),
        operation("code", {"code": "b", "stars": 1}),
    )
    assert answer.status_code == 200, answer.json
    results = answer.json["data"]
    assert [(each["op"], each["created"], each["data"]["version"]) for each in results] == [
        ("upsert", False, 2),
        ("upsert", True, 1),
        ("upsert", False, 2),
    ]
    assert [each["id"] for each in results] == [old["id"], results[1]["id"], results[1]["id"]]
    # If one fails, nothing is changed; the conflict of another set leaves the transaction usable.
    refused = send(alice, operation("code", {"code": "a", "stars": 1}), operation("code", {"code": "c"}))
    assert refusal(refused) == (422, {"operations": {"1": {"data": {"title": ["A value is required."]}}}})
    assert bob.get(f"/books/{old['id']}").json["data"]["stars"] == 5
    places = [{"code": code, "title": code, "shelf": 1, "place": 1} for code in "xy"]
    refused = send(alice, *(operation("code", each) for each in places))
    taken = dict.fromkeys(("shelf", "place"), ["Already taken."])
    assert refusal(refused) == (409, {"operations": {"1": {"data": taken}}})
    assert alice.get("/books").json["meta"]["total"] == 2


def test_an_operation_may_refer_to_an_upsert(admin, alice):
    admin.declare("makers", {"name": {"type": "string", "unique": True}}, access=OPEN)
    admin.declare("books", FIELDS, access=OPEN)
    maker = alice.make("makers", name="Eliot")
    operations = [
        {"op": "upsert", "resource": "makers", "key": "name", "data": {"name": name}} for name in ("Eliot", "New")
    ]
    makes = [operation("code", {"code": str(n), "title": "x", "maker": {"$ref": n}}) for n in (0, 1)]
    results = send(alice, *operations, *makes).json["data"]
    assert [each["data"]["maker"] for each in results[2:]] == [maker["id"], results[1]["id"]]


def test_lists_and_case_follow_their_fields(admin, alice):
    admin.declare("makers", {"name": {"type": "string"}}, access=OPEN)
    fields = {"code": {"type": "string", "unique": True, "ignore_case": True}}
    admin.declare("books", fields | {"makers": {"type": "references", "to": "makers"}}, access=OPEN)
    one, two = (alice.make("makers", name=name)["id"] for name in "xy")
    assert upsert(alice, "code", {"code": "A", "makers": {"add": [one]}}).status_code == 422
    assert upsert(alice, "code", {"code": "A", "makers": [one]}).status_code == 201
    changed = upsert(alice, "code", {"code": "a", "makers": {"add": [two]}})
    assert (changed.status_code, changed.json["data"]["makers"]) == (200, [one, two])
    assert changed.json["data"]["code"] == "a"


def test_only_a_signed_in_caller_has_records(admin, stranger):
    admin.declare("books", FIELDS | {"maker": {"type": "uuid"}}, access=dict.fromkeys(OPEN, ["public"]), unique=SETS)
    assert upsert(stranger, "created_by,title", {"title": "Emma"}).status_code == 401
    assert [upsert(stranger, "code", {"title": "Emma", "code": "a"}).status_code for _ in range(2)] == [201, 200]


@ON_SQLITE
def test_the_document_lists_the_keys(books, alice):
    post = alice.get(DOCUMENT).json["paths"]["/api/v1/books"]["post"]
    (parameter,) = [each for each in post["parameters"] if each["name"] == "upsert"]
    assert parameter["schema"]["enum"] == ["code", "shelf,place", "created_by,title"]
    assert {"200", "201", "409", "412", "428"} <= post["responses"].keys()
    assert {"If-Match", "Idempotency-Key"} <= {each["name"] for each in post["parameters"]}
