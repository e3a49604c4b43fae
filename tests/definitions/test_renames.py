"""Renames of fields and resources that swap or pass on their names, and those that are refused."""

import pytest

from backend.models.database import database
from backend.models.definition import Generation
from backend.services import documents
from backend.services.access.actors import SYSTEM
from tests.conftest import ON_SQLITE
from tests.helpers import READABLE, details_of

TEXT, NUMBER = {"type": "string"}, {"type": "integer"}
LONG = {letter: letter * 63 for letter in "ab"}


def put(admin, fields, name="notes", **rest):
    return admin.put(f"/resources/{name}", json={"fields": fields, **rest})


def apply(document, confirm=None):
    """Apply a file and return the outcome of each resource."""
    with database.connection_context():
        return dict(documents.apply_document(SYSTEM, document, confirm=confirm))


def rows(person, name="notes"):
    """Return the records without the system fields, the oldest first."""
    system = {"id", "created_at", "updated_at", "created_by", "version"}
    return [
        {field: value for field, value in row.items() if field not in system}
        for row in person.get(f"/{name}?sort=id").json["data"]
    ]


def test_two_fields_swap_their_names(admin):
    fields = {"first": TEXT | {"unique": True, "required": True}, "last": TEXT | {"index": True}}
    admin.declare("people", fields, search=["first"], indexes=[["first", "last"]], history=True)
    ann = admin.make("people", first="Ann", last="Lee")
    admin.make("people", first="Bea", last="Lee")
    swapped = {
        "last": fields["first"] | {"renamed_from": "first"},
        "first": fields["last"] | {"renamed_from": "last"},
    }
    rest = {"search": ["last"], "indexes": [["last", "first"]], "history": True}
    plan = admin.post("/resources/people/plan", json={"fields": swapped, **rest}).json["data"]
    assert not plan["loses_data"]
    assert [step["action"] for step in plan["steps"]].count("rename_field") == 2
    assert put(admin, swapped, "people", **rest).status_code == 200
    assert rows(admin, "people") == [{"last": "Ann", "first": "Lee"}, {"last": "Bea", "first": "Lee"}]
    assert admin.post("/people", json={"last": "Ann"}).status_code == 409
    assert admin.post("/people", json={"first": "Lee"}).status_code == 422
    assert [row["id"] for row in admin.get("/people?q=ann&first=Lee").json["data"]] == [ann["id"]]
    # The same declaration is for databases that are behind; here it changes nothing any more.
    before = Generation.current()
    assert put(admin, swapped, "people", **rest).status_code == 200
    stored = admin.get("/resources/people").json["data"]
    assert admin.put("/resources/people", json=stored).status_code == 200
    assert Generation.current() == before
    assert apply({"resources": {"people": {"fields": swapped, **rest}}}) == {"people": "unchanged"}


def test_fields_that_swap_may_change_their_types_too(admin):
    admin.declare("notes", {"a": TEXT, "b": NUMBER | {"required": True}})
    admin.make("notes", a="7", b=3)
    swapped = {"a": TEXT | {"required": True, "renamed_from": "b"}, "b": NUMBER | {"renamed_from": "a"}}
    assert put(admin, swapped).status_code == 200
    assert rows(admin) == [{"a": "3", "b": 7}]


def test_references_swap_their_names(admin):
    for name in ("cities", "people"):
        admin.declare(name, {"name": TEXT})
    city, person = admin.make("cities", name="Rome"), admin.make("people", name="Ann")
    to_city, to_person = ({"type": "reference", "to": name} for name in ("cities", "people"))
    admin.declare("visits", {"x": to_city, "y": to_person})
    admin.make("visits", x=city["id"], y=person["id"])
    swapped = {"x": to_person | {"renamed_from": "y"}, "y": to_city | {"renamed_from": "x"}}
    assert put(admin, swapped, "visits").status_code == 200
    (visit,) = admin.get("/visits?expand=x,y").json["data"]
    assert (visit["expand"]["x"]["name"], visit["expand"]["y"]["name"]) == ("Ann", "Rome")
    assert admin.delete(f"/people/{person['id']}").status_code == 409


def test_three_fields_pass_their_names_on(admin):
    admin.declare("notes", {name: TEXT | {"unique": True} for name in "abc"})
    admin.make("notes", a="1", b="2", c="3")
    turned = {new: TEXT | {"unique": True, "renamed_from": old} for new, old in ("ba", "cb", "ac")}
    assert put(admin, turned).status_code == 200
    assert rows(admin) == [{"b": "1", "c": "2", "a": "3"}]
    shifted = {new: TEXT | {"unique": True, "renamed_from": old} for new, old in ("cb", "dc")}
    answer = put(admin, shifted | {"b": TEXT | {"unique": True, "renamed_from": "a"}})
    assert answer.status_code == 200
    assert rows(admin) == [{"c": "1", "d": "2", "b": "3"}]


def test_a_field_takes_the_name_of_one_whose_values_are_lost_with_consent(admin):
    admin.declare("notes", {"a": TEXT, "b": TEXT})
    admin.make("notes", a="kept", b="lost")
    replaced = {"b": TEXT | {"renamed_from": "a"}}
    answer = put(admin, replaced)
    assert answer.status_code == 409
    assert [step["subject"] for step in details_of(answer)["plan"]["steps"]] == ["b", "b"]
    assert rows(admin) == [{"a": "kept", "b": "lost"}]
    confirm = details_of(answer)["plan"]["fingerprint"]
    assert admin.put(f"/resources/notes?confirm={confirm}", json={"fields": replaced}).status_code == 200
    assert rows(admin) == [{"b": "kept"}]
    assert put(admin, replaced).status_code == 200


def test_names_of_63_characters_are_converted_and_swapped(admin):
    a, b = LONG["a"], LONG["b"]
    admin.declare("notes", {a: TEXT | {"index": True}, b: NUMBER | {"index": True}}, search=[a])
    admin.make("notes", **{a: "1", b: 2})
    assert put(admin, {a: NUMBER | {"index": True}, b: NUMBER | {"index": True}}).status_code == 200
    assert rows(admin) == [{a: 1, b: 2}]
    swapped = {a: NUMBER | {"renamed_from": b}, b: TEXT | {"renamed_from": a}}
    assert put(admin, swapped, search=[b]).status_code == 200
    assert rows(admin) == [{a: 2, b: "1"}]


@ON_SQLITE
def test_a_database_some_versions_behind_follows(admin):
    admin.declare("notes", {"a": TEXT, "b": TEXT})
    admin.make("notes", a="1", b="2")
    swap = {"a": TEXT | {"renamed_from": "b"}, "b": TEXT | {"renamed_from": "a"}}
    assert put(admin, swap).status_code == 200
    assert put(admin, {"a": TEXT, "c": TEXT | {"renamed_from": "b"}}).status_code == 200
    assert rows(admin) == [{"a": "2", "c": "1"}]
    exported = admin.get("/resources/notes").json["data"]["fields"]
    admin.declare("older", {"a": TEXT, "b": TEXT})
    admin.declare("newer", {"a": TEXT, "b": TEXT})
    admin.make("newer", a="1", b="2")
    assert put(admin, swap, "newer").status_code == 200
    assert put(admin, exported, "newer").status_code == 200
    assert rows(admin, "newer") == [{"a": "2", "c": "1"}]


WRONG = {
    "a name that was never there": ({"c": TEXT | {"renamed_from": "z"}, "a": TEXT}, "c", "There is no field z"),
    "the same of a field that is there": ({"a": TEXT | {"renamed_from": "z"}, "b": TEXT}, "a", "There is no field z"),
    "a field that stays": ({"a": TEXT | {"renamed_from": "b"}, "b": TEXT}, "a", "The field b stays"),
    "one field for two": ({"c": TEXT | {"renamed_from": "a"}, "d": TEXT | {"renamed_from": "a"}}, "d", "The field a"),
}


@ON_SQLITE
@pytest.mark.parametrize("what", WRONG)
def test_renaming_something_that_does_not_exist_is_refused(admin, what):
    fields, field, expected_message = WRONG[what]
    admin.declare("notes", {"a": TEXT, "b": TEXT})
    admin.make("notes", a="1", b="2")
    for answer in (put(admin, fields), admin.post("/resources/notes/plan", json={"fields": fields})):
        assert answer.status_code == 422
        (message,) = details_of(answer)["json"]["fields"][field]["renamed_from"]
        assert message.startswith(expected_message)
    assert rows(admin) == [{"a": "1", "b": "2"}]


@ON_SQLITE
def test_a_wrong_rename_is_refused_of_a_field_that_was_renamed_before_too(admin):
    admin.declare("notes", {"a": TEXT, "b": TEXT})
    admin.make("notes", a="1", b="2")
    assert put(admin, {"c": TEXT | {"renamed_from": "a"}, "b": TEXT}).status_code == 200
    for wrong, expected_message in {"z": "There is no field z", "b": "The field b stays"}.items():
        answer = put(admin, {"c": TEXT | {"renamed_from": wrong}, "b": TEXT})
        assert answer.status_code == 422
        assert details_of(answer)["json"]["fields"]["c"]["renamed_from"][0].startswith(expected_message)
    assert put(admin, {"c": TEXT | {"renamed_from": ["z", "a"]}, "b": TEXT}).status_code == 200  # known by one of them


@ON_SQLITE
def test_a_new_resource_takes_nothing_over(admin):
    admin.declare("notes", {"a": TEXT})
    for body in ({"renamed_from": "notes", "fields": {"a": TEXT}}, {"fields": {"a": TEXT | {"renamed_from": "b"}}}):
        answer = admin.post("/resources", json={"name": "books"} | body)
        assert answer.status_code == 422
        assert "renamed_from" in str(details_of(answer))
    answer = put(admin, {"a": TEXT}, renamed_from="zzz")
    assert details_of(answer)["json"] == {"renamed_from": ["There is no resource zzz to rename to notes."]}


def test_two_resources_swap_their_names(admin):
    body = {"search": ["name"], "history": True, "access": READABLE}
    admin.declare("cats", {"name": TEXT | {"unique": True}, "kind": TEXT | {"index": True}}, **body)
    admin.declare("dogs", {"name": TEXT | {"unique": True}, "friend": {"type": "reference", "to": "cats"}}, **body)
    admin.declare("walks", {"who": {"type": "reference", "to": "dogs", "on_delete": "cascade"}}, access=READABLE)
    tom = admin.make("cats", name="Tom")
    rex = admin.make("dogs", name="Rex", friend=tom["id"])
    admin.make("walks", who=rex["id"])
    document = {
        "resources": {
            "dogs": {"renamed_from": "cats", "fields": {"name": TEXT | {"unique": True}, "kind": TEXT}, **body},
            "cats": {
                "renamed_from": "dogs",
                "fields": {"name": TEXT | {"unique": True}, "friend": {"type": "reference", "to": "dogs"}},
                **body,
            },
        }
    }
    with database.connection_context():
        assert not documents.plan_document(SYSTEM, document).loses_data
    apply(document)
    assert rows(admin, "dogs") == [{"name": "Tom", "kind": None}]
    assert rows(admin, "cats") == [{"name": "Rex", "friend": tom["id"]}]
    assert [row["id"] for row in admin.get("/cats?q=rex").json["data"]] == [rex["id"]]
    assert admin.get("/walks?expand=who").json["data"][0]["expand"]["who"]["name"] == "Rex"
    assert admin.get(f"/cats/{rex['id']}/history").json["meta"]["total"] == 1
    assert admin.post("/cats", json={"name": "Tim", "friend": rex["id"]}).status_code == 422
    assert admin.post("/cats", json={"name": "Rex"}).status_code == 409
    assert admin.delete(f"/dogs/{tom['id']}").status_code == 409
    assert admin.delete(f"/cats/{rex['id']}").status_code == 200
    assert rows(admin, "walks") == []
    assert set(apply(document).values()) == {"unchanged"}


@ON_SQLITE
def test_a_resource_may_take_the_name_of_one_that_is_renamed(admin):
    admin.declare("a", {"x": TEXT})
    admin.declare("b", {"y": TEXT})
    admin.make("a", x="1")
    admin.make("b", y="2")
    chain = {"c": {"renamed_from": "b", "fields": {"y": TEXT}}, "b": {"renamed_from": "a", "fields": {"x": TEXT}}}
    for _ in range(2):
        apply({"resources": chain})
        assert [rows(admin, name) for name in "bc"] == [[{"x": "1"}], [{"y": "2"}]]
    assert admin.get("/a").status_code == 404
    with pytest.raises(Exception, match="not valid|wrong") as refused:
        apply({"resources": {"b": {"renamed_from": "c", "fields": {"y": TEXT}}}})
    assert "already" in str(refused.value.errors)


@ON_SQLITE
def test_a_file_with_renames_applies_to_databases_without_the_former_names(admin):
    declared = {"books": {"renamed_from": ["notes"], "fields": {"title": TEXT | {"renamed_from": ["name"]}}}}
    assert apply({"resources": declared}) == {"books": "created"}
    assert apply({"resources": declared}) == {"books": "unchanged"}
