"""Entries of `indexes` and `unique`: with system fields and with an order."""

from backend.models.database import database
from backend.services.definitions.indexes import indexes_of
from backend.services.definitions.stored import load_definitions
from tests.conftest import ON_SQLITE
from tests.helpers import CSV, OPEN, details_of, load, outcome, read

FIELDS = {
    "slug": {"type": "string"},
    "status": {"type": "string", "required": True, "default": "new"},
    "due": {"type": "date"},
}
TAKEN = {"created_by": ["Already taken."], "slug": ["Already taken."]}


def body(**parts):
    return {"fields": FIELDS, "access": OPEN, **parts}


def plan(admin, definition):
    """Return the texts of a plan's steps."""
    answer = admin.post("/resources/notes/plan", json=definition)
    assert answer.status_code == 200, answer.json
    return [step["text"] for step in answer.json["data"]["steps"]]


def test_values_are_unique_for_each_owner(admin, alice, bob):
    admin.declare("notes", FIELDS, access=OPEN, unique=[["created_by", "slug"]])
    alice.make("notes", slug="tea")
    made = bob.make("notes", slug="tea")
    again = alice.post("/notes", json={"slug": "tea"})
    assert again.status_code == 409
    assert again.json["error"]["message"] == "Another record of notes has this created_by and slug."
    assert details_of(again) == {"json": TAKEN}
    other = bob.make("notes", slug="milk")
    assert bob.patch(f"/notes/{other['id']}", json={"slug": "tea"}).status_code == 409
    assert admin.delete(f"/users/{alice.id}").status_code == 200
    assert admin.delete(f"/users/{bob.id}").status_code == 200
    assert read(admin, "notes")[made["id"]]["created_by"] is None


def test_an_import_finds_what_is_taken(admin, alice, bob):
    admin.declare("notes", FIELDS, access=OPEN, unique=[["created_by", "slug"]])
    alice.make("notes", slug="tea")
    answer = load(alice, "slug\ntea\nmilk\nmilk\n", resource="notes", dry_run="true")
    assert [row["line"] for row in answer.json["data"]["problems"]] == [2, 4]
    assert outcome(load(bob, "slug\ntea\nmilk\n", resource="notes")) == (2, 2, 0, 0)
    answer = load(admin, f"slug,created_by\ntea,{bob.id}\ntea,\ntea,\n", CSV, "notes", keep_good="true")
    assert [row["line"] for row in answer.json["data"]["problems"]] == [2]


def test_a_plan_names_the_rows_that_repeat_values(admin, alice, bob):
    admin.declare("notes", FIELDS, access=OPEN)
    for person in (alice, bob, alice):
        last = person.make("notes", slug="tea")
    wanted = body(unique=[["slug", "created_by"]], indexes=[["status", "-due"], ["-created_at"]])
    answer = admin.put("/resources/notes", json=wanted)
    assert answer.status_code == 409
    (step,) = [each for each in details_of(answer)["plan"]["steps"] if each["impossible"]]
    assert step["text"] == "Require unique values of slug and created_by, although 1 record would repeat values."
    assert step["ids"] == [last["id"]]
    alice.patch(f"/notes/{last['id']}", json={"slug": None})
    assert plan(admin, wanted) == [
        "Index status and -due.",
        "Index -created_at.",
        "Require unique values of slug and created_by.",
    ]
    assert admin.put("/resources/notes", json=wanted).status_code == 200
    assert plan(admin, wanted) == []
    stored = admin.get("/resources/notes").json["data"]
    assert (stored["unique"], stored["indexes"]) == (wanted["unique"], wanted["indexes"])


def test_a_renamed_field_keeps_its_sets(admin, alice):
    sets = {"unique": [["created_by", "slug"]], "indexes": [["status", "-due"]]}
    admin.declare("notes", FIELDS, access=OPEN, **sets)
    alice.make("notes", slug="tea")
    names = {"slug": "code", "due": "ends"}
    fields = {names.get(name, name): field for name, field in FIELDS.items()}
    for old, new in names.items():
        fields[new] = fields[new] | {"renamed_from": old}
    wanted = body(fields=fields, unique=[["created_by", "code"]], indexes=[["status", "-ends"]])
    assert plan(admin, wanted) == ["Rename the field slug to code.", "Rename the field due to ends."]
    assert admin.put("/resources/notes", json=wanted).status_code == 200
    assert alice.post("/notes", json={"code": "tea"}).status_code == 409
    with database.connection_context():
        assert indexes_of(load_definitions()["notes"]).keys() <= database.index_names()


def test_a_set_is_dropped_and_its_order_changed(admin):
    admin.declare("notes", FIELDS, access=OPEN, unique=[["created_by", "slug"]], indexes=[["status", "due"]])
    wanted = body(indexes=[["status", "-due"]])
    assert plan(admin, wanted) == [
        "Allow repeated values of created_by and slug.",
        "Drop the index of status and due.",
        "Index status and -due.",
    ]
    assert admin.put("/resources/notes", json=wanted).status_code == 200
    assert plan(admin, wanted) == []


@ON_SQLITE
def test_refuses_entries_that_cannot_be(admin):
    for part, entry, message in (
        ("unique", ["slug", "version"], "Cannot be part of a unique set: version."),
        ("unique", ["updated_at"], "Cannot be part of a unique set: updated_at."),
        ("unique", ["id", "slug"], "Cannot be part of a unique set: id."),
        ("indexes", ["due", "-due"], "Each entry lists 1 to 8 different fields."),
        ("indexes", ["--due"], "No such field: -due."),
        ("indexes", ["-"], "No such field: ."),
        ("indexes", [], "Each entry lists 1 to 8 different fields."),
    ):
        answer = admin.post("/resources", json={"name": "notes", **body(**{part: [entry]})})
        assert (answer.status_code, details_of(answer)) == (422, {"json": {part: [message]}}), entry
    answer = admin.post("/resources", json={"name": "notes", **body(indexes=[["-due"], ["-due"]])})
    assert details_of(answer) == {"json": {"indexes": ["Listed twice: -due."]}}


LIVE = {"fields": ["slug"], "where": {"deleted": False}}
WITH_DELETED = FIELDS | {"deleted": {"type": "boolean", "required": True, "default": False}}


def ruled(**parts):
    return body(**{"fields": WITH_DELETED, "unique": [LIVE], **parts})


def test_values_are_unique_among_the_records_that_meet_a_rule(admin, alice):
    admin.declare("notes", **ruled())
    old = alice.make("notes", slug="tea", deleted=True)
    kept = alice.make("notes", slug="tea")
    again = alice.post("/notes", json={"slug": "tea"})
    assert again.status_code == 409
    assert details_of(again) == {"json": {"slug": ["Already taken."]}}
    assert alice.make("notes", slug="tea", deleted=True)
    # A change into the rule counts as well.
    assert alice.patch(f"/notes/{old['id']}", json={"deleted": False}).status_code == 409
    assert alice.patch(f"/notes/{kept['id']}", json={"deleted": True}).status_code == 200
    assert alice.patch(f"/notes/{old['id']}", json={"deleted": False}).status_code == 200
    # Such a set does not identify a record.
    assert details_of(alice.post("/notes?upsert=slug", json={})) == {"query": {"upsert": ["Unknown parameter."]}}
    answer = load(alice, "slug\ntea\n", resource="notes", mode="upsert", key="slug")
    assert "key" in details_of(answer)["query"]
    stored = admin.get("/resources/notes").json["data"]
    assert stored["unique"] == [LIVE]


def test_a_conflict_says_nothing_of_a_hidden_rule(admin, alice, edith):
    fields = WITH_DELETED | {"deleted": WITH_DELETED["deleted"] | {"readable_by": ["editor"]}}
    admin.declare("notes", **ruled(fields=fields))
    alice.make("notes", slug="tea")
    assert alice.post("/notes", json={"slug": "tea"}).json["error"] == {
        "code": "CONFLICT",
        "message": "This conflicts with another record of notes.",
        "details": {},
    }
    assert "slug" in edith.post("/notes", json={"slug": "tea"}).json["error"]["message"]


def test_an_import_knows_the_rule(admin, alice):
    rule = {"any": [{"status": {"in": ["new", "it's 100 %"]}}, {"due": {"lt": "2026-01-01"}, "deleted": False}]}
    code = {"type": "string", "unique": True}
    entry = {"fields": ["-slug"], "where": rule}
    admin.declare("notes", **ruled(fields=WITH_DELETED | {"code": code}, unique=[entry]))
    for values in ({"slug": "a", "code": "1"}, {"slug": "b", "status": "old", "code": "2"}):
        alice.make("notes", **values)
    lines = [
        "a,new,,false,",  # 2: taken by a stored record
        "b,new,,false,",  # 3: the stored one does not meet the rule
        "b,it's 100 %,,false,",  # 4: taken by row 3
        "b,old,2025-12-31,true,",  # 5: does not meet the rule
        "b,old,2025-12-31,false,",  # 6: does
        "a,old,2026-01-01,false,1",  # 7: gives up a
        "a,new,,true,",  # 8: so it is free
        "b,new,,true,2",  # 9: row 3 has it
    ]
    content = "slug,status,due,deleted,code\n" + "\n".join(lines) + "\n"
    answer = load(alice, content, resource="notes", dry_run="true", keep_good="true")
    assert [row["line"] for row in answer.json["data"]["problems"]] == [2, 4, 6, 7, 8, 9]
    texts = "slug,status,due,deleted,code\n" + "\n".join(
        line if line[-1] != "," else f"{line}n{number}" for number, line in enumerate(lines)
    )
    for options in ({"dry_run": "true"}, {}):
        answer = load(alice, texts, resource="notes", mode="upsert", key="code", keep_good="true", **options)
        assert [row["line"] for row in answer.json["data"]["problems"]] == [2, 4, 6, 9], options


def test_a_plan_counts_the_rows_that_meet_the_rule(admin, alice):
    admin.declare("notes", WITH_DELETED, access=OPEN)
    made = [alice.make("notes", slug="tea", deleted=deleted) for deleted in (True, False, True, False)]
    answer = admin.put("/resources/notes", json=ruled())
    assert answer.status_code == 409
    (step,) = [each for each in details_of(answer)["plan"]["steps"] if each["impossible"]]
    text = 'Require unique values of slug where {"deleted": false}, although 1 record would repeat values.'
    assert (step["text"], step["subject"]) == (text, 'slug where {"deleted": false}')
    assert step["ids"] == [made[3]["id"]]
    alice.patch(f"/notes/{made[3]['id']}", json={"deleted": True})
    index = {"fields": ["status", "-due"], "where": {"due": {"isnull": False}, "deleted": False}}
    wanted = ruled(indexes=[index])
    assert plan(admin, wanted) == [
        'Index status and -due where {"deleted": false, "due": {"isnull": false}}.',
        'Require unique values of slug where {"deleted": false}.',
    ]
    assert admin.put("/resources/notes", json=wanted).status_code == 200
    turned = {"where": dict(reversed(index["where"].items())), "fields": index["fields"]}
    assert plan(admin, ruled(indexes=[turned])) == ["Reorder the definition."]
    # Another rule is another set.
    other = ruled(unique=[LIVE | {"where": {"deleted": True}}], indexes=[])
    answer = admin.put("/resources/notes", json=other)
    assert "although 2 records would repeat values" in answer.json["error"]["message"]
    assert plan(admin, body(fields=WITH_DELETED)) == [
        'Allow repeated values of slug where {"deleted": false}.',
        'Drop the index of status and -due where {"deleted": false, "due": {"isnull": false}}.',
    ]


def test_a_plan_tests_the_values_that_rows_will_have(admin, alice):
    fields = FIELDS | {"stage": {"type": "integer"}}
    admin.declare("notes", fields, access=OPEN)
    for stage in (1, None, 2):
        alice.make("notes", slug="tea", stage=stage)
    # The rule names an added field, and one that gets its default where it has no value.
    for default, repeated in ((False, 2), (True, 0)):
        deleted = {"type": "boolean", "required": True, "default": default}
        answer = admin.post("/resources/notes/plan", json=body(fields=fields | {"deleted": deleted}, unique=[LIVE]))
        assert sum(step["records"] for step in answer.json["data"]["steps"]) == repeated
    staged = {"fields": ["slug"], "where": {"stage": {"lte": 1}}}
    wanted = body(fields=fields | {"stage": {"type": "integer", "required": True, "default": 0}}, unique=[staged])
    answer = admin.post("/resources/notes/plan", json=wanted)
    assert sum(step["records"] for step in answer.json["data"]["steps"]) == 1
    # Whether a converted value meets it, only the database can tell.
    wanted = body(fields=fields | {"stage": {"type": "decimal"}}, unique=[staged | {"where": {"stage": {"gt": 0}}}])
    assert admin.put("/resources/notes", json=wanted).status_code == 409
    wanted["unique"] = [staged | {"where": {"stage": {"gt": 1}}}]
    assert admin.put("/resources/notes", json=wanted).status_code == 200
    assert alice.post("/notes", json={"slug": "tea", "stage": "1.01"}).status_code == 409
    assert alice.post("/notes", json={"slug": "tea", "stage": "1.00"}).status_code == 201


def test_a_rule_follows_renames_and_changes_of_its_fields(admin, alice):
    admin.declare("notes", **ruled(unique=[LIVE | {"where": {"not": {"deleted": True}, "due": {"isnull": True}}}]))
    alice.make("notes", slug="tea")
    fields = {"code": FIELDS["slug"] | {"renamed_from": "slug"}, "status": FIELDS["status"]}
    fields["gone"] = WITH_DELETED["deleted"] | {"renamed_from": "deleted"}
    fields["ends"] = FIELDS["due"] | {"renamed_from": "due"}
    wanted = body(
        fields=fields, unique=[{"fields": ["code"], "where": {"not": {"gone": True}, "ends": {"isnull": True}}}]
    )
    renames = ["slug to code", "deleted to gone", "due to ends"]
    assert plan(admin, wanted) == [f"Rename the field {each}." for each in renames]
    assert admin.put("/resources/notes", json=wanted).status_code == 200
    assert alice.post("/notes", json={"code": "tea"}).status_code == 409
    with database.connection_context():
        assert indexes_of(load_definitions()["notes"]).keys() <= database.index_names()


@ON_SQLITE
def test_refuses_rules_that_cannot_be(admin):
    admin.declare("topics", {"name": {"type": "string"}})
    fields = WITH_DELETED | {
        "topic": {"type": "reference", "to": "topics"},
        "topics": {"type": "references", "to": "topics"},
        "extra": {"type": "json"},
        "n": {"type": "integer"},
    }
    nothing = "There is no such field."
    for part, where, message in (
        ("unique", {}, "where: Must be an object of conditions."),
        ("unique", {"nope": 1}, f"where.nope: {nothing}"),
        ("unique", {"version": 1}, "Cannot be in the rule of an entry of `unique`: version."),
        ("unique", {"topic": {"isnull": True}}, "Cannot be in the rule of an entry of `unique`: topic."),
        ("unique", {"extra": {"isnull": True}}, "Cannot be in the rule of an entry of `unique`: extra."),
        ("indexes", {"topics": {"isempty": True}}, f"where.topics: {nothing} Did you mean topic?"),
        ("indexes", {"topic.name": "x"}, f"where.topic.name: {nothing}"),
        ("indexes", {"slug": "$user.email"}, "where.slug: Values of the user cannot be used here."),
        ("indexes", {"n": "x"}, "where.n: Write a whole number such as 12."),
        ("indexes", {"any": []}, "where.any: Must be an array of objects."),
    ):
        entry = {"fields": ["slug"], "where": where}
        answer = admin.post("/resources", json={"name": "notes", **body(fields=fields, **{part: [entry]})})
        assert (answer.status_code, details_of(answer)) == (422, {"json": {part: [message]}}), where
    fieldless = {"where": {"n": 1}}
    for entry in ({"fields": ["slug"]}, fieldless, fieldless | {"fields": "slug"}, fieldless | {"fields": [1]}, "slug"):
        answer = admin.post("/resources", json={"name": "notes", **body(fields=fields, unique=[entry])})
        assert list(details_of(answer)["json"]) == ["unique"], entry
    index = {"fields": ["slug"], "where": {"topic": {"isnull": True}}}
    assert admin.post("/resources", json={"name": "notes", **body(fields=fields, indexes=[index])}).status_code == 201


EXAMPLES = {
    "string": ("it's 100 %s", "it's 100 %"),
    "text": ("a\\b", "a"),
    "integer": (-7, 7),
    "number": (1e-7, 1.5),
    "decimal": ("1.50", "1.05"),
    "boolean": (True, False),
    "date": ("2026-01-31", "1995-01-31"),
    "time": ("10:30:00", "10:31:00"),
    "datetime": ("2026-01-31T10:30:00+01:00", "2026-01-31T10:30:00Z"),
    "email": ("a@example.com", "b@example.com"),
    "url": ("https://example.com/%20?", "https://example.com/"),
    "uuid": ("0193e0f4-0000-7000-8000-00000000000a", "0193e0f4-0000-7000-8000-00000000000b"),
    "enum": ("open", ""),
}
OPTIONS = {"text": {"max_length": 100}, "enum": {"choices": ["open", ""]}}
RULES = {  # for a value and another one that does not meet them
    **{kind: {kind: value} for kind, (value, _) in EXAMPLES.items()},
    "several": {"integer": {"in": [-7, -8]}, "string": {"ne": "it's 100 %"}},
    "prefix": {"string": {"startswith": "it's 100 %s"}},
    "part": {"url": {"contains": "%20?"}},
    "folded part": {"text": {"icontains": "A\\B"}},
    "folded": {"name": "STRASSE"},
    "fields": {"any": [{"integer": {"lt": {"field": "other"}}}, {"not": {"name": {"isnull": False}}}]},
}


def test_a_rule_can_compare_every_type(admin, alice):
    fields = {"slug": {"type": "string"}, "other": {"type": "integer", "default": 0}}
    fields["name"] = {"type": "string", "ignore_case": True}
    fields |= {kind: {"type": kind, **OPTIONS.get(kind, {})} for kind in EXAMPLES}
    # Each record has a slug of its own for each rule, so that it can only conflict by that rule.
    slugs = {f"slug_{number}": {"type": "string"} for number in range(len(RULES))}
    entries = [{"fields": [slug], "where": rule} for slug, rule in zip(slugs, RULES.values(), strict=True)]
    admin.declare("notes", fields | slugs, access=OPEN, unique=entries, indexes=entries)
    met = {kind: value for kind, (value, _) in EXAMPLES.items()} | {"name": "straße"}
    unmet = {kind: other for kind, (_, other) in EXAMPLES.items()} | {"name": "strase"}
    for slug in slugs:
        for values, status in ((met, 409), (unmet, 201)):
            alice.make("notes", **values, **{slug: "x"})
            assert alice.post("/notes", json={**values, slug: "x"}).status_code == status, slug


def test_a_rule_can_name_a_computed_field(admin, alice):
    def with_total(expression, top):
        fields = {"slug": {"type": "string"}, "n": {"type": "integer"}}
        fields["total"] = {"type": "integer", "computed": expression}
        entry = {"fields": ["slug"], "where": {"total": {"gt": top}}}
        return body(fields=fields, unique=[entry], indexes=[entry])

    admin.declare("notes", **with_total("n * 2", 10))
    for n in (5, 5, 6):
        alice.make("notes", slug="tea", n=n)
    assert alice.post("/notes", json={"slug": "tea", "n": 6}).status_code == 409
    assert outcome(load(alice, "slug,n\ntea,5\ntea,7\n", resource="notes", keep_good="true")) == (2, 1, 0, 1)
    answer = admin.put("/resources/notes", json=with_total("n * 3", 10))
    assert answer.status_code == 409
    assert "although 3 records would repeat values" in answer.json["error"]["message"]
    assert admin.put("/resources/notes", json=with_total("n * 3", 15)).status_code == 200
    assert alice.post("/notes", json={"slug": "tea", "n": 6}).status_code == 409
    assert alice.make("notes", slug="tea", n=5)
