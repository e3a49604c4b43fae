"""Row rules: grants whose `where` says on which rows, in queries and before and after every write."""

import pytest

from backend.models.database import database
from backend.models.user import User
from backend.services.access.actors import Actor
from backend.services.records.imports.importing import CsvRows, import_records
from backend.utils.clock import utcnow
from tests.conftest import ON_SQLITE
from tests.helpers import details_of
from tests.parts.changes import Follower

ACTIONS = ("list", "read", "create", "update", "delete")
FIELDS = {
    "title": {"type": "string"},
    "published": {"type": "boolean", "required": True, "default": False},
    "team": {"type": "string"},
    "stars": {"type": "integer"},
    "price": {"type": "decimal"},
    "due": {"type": "date"},
    "state": {"type": "enum", "choices": ["open", "closed"]},
    "editor": {"type": "email"},
}
PUBLISHED = {"role": "public", "where": {"published": True}}
TEAM = {"role": "member", "where": {"team": "$user.team"}}
NOTES = [
    {"title": "a", "published": True, "team": "red", "stars": 1, "price": "1.50", "due": "2026-01-01", "state": "open"},
    {"title": "b", "published": False, "team": "blue", "stars": 2, "editor": "bob@example.com"},
    {"title": "c", "published": True, "team": None, "stars": 3, "price": "9.00", "due": "2026-03-01"},
    {"title": "d", "published": False, "team": "", "stars": None, "state": "closed"},
]
# What of NOTES each rule gives to alice, whose team is blue.
RULES = {
    "equal": ({"published": True}, "a c"),
    "all of several": ({"published": True, "stars": {"gt": 1}}, "c"),
    "several operators": ({"stars": {"gte": 2, "lt": 3}}, "b"),
    "one of": ({"team": {"in": ["red", "blue"]}}, "a b"),
    "one of none": ({"team": {"in": []}}, ""),
    "not equal, null too": ({"team": {"ne": "red"}}, "b c d"),
    "null": ({"team": {"isnull": True}}, "c"),
    "not null": ({"team": {"isnull": False}}, "a b d"),
    "part of a text": ({"title": {"contains": "b"}}, "b"),
    "start of a text": ({"title": {"startswith": "d"}}, "d"),
    "in any case": ({"title": {"icontains": "B"}}, "b"),
    "decimal": ({"price": {"lte": "1.5"}}, "a"),
    "day": ({"due": {"gt": "2026-02-01"}}, "c"),
    "word": ({"state": "closed"}, "d"),
    "value of the user": ({"team": "$user.team"}, "b"),
    "one of, with a value of the user": ({"team": {"in": ["red", "$user.team"]}}, "a b"),
    "other than a value of the user": ({"team": {"ne": "$user.team"}}, "a c d"),
    "owner": ({"created_by": "$user.id"}, ""),
    "system field": ({"version": {"gt": 1}}, ""),
}
WRONG_RULES = {
    "where": [{}, None, [], "published", {"any": [{"stars": i} for i in range(33)]}],
    "where.nope": [{"nope": 1}],
    "where.published": [{"published": "maybe"}, {"published": None}, {"published": {}}],
    "where.published.gt": [{"published": {"gt": True}}],
    "where.published.isnull": [{"published": {"isnull": True}}],
    "where.stars": [{"stars": "many"}, {"stars": [1, 2]}, {"stars": "$user.team"}, {"stars": "$user.id"}],
    "where.stars.like": [{"stars": {"like": 1}}],
    "where.stars.in": [{"stars": {"in": 1}}, {"stars": {"in": ["x"]}}, {"stars": {"in": [1] * 201}}],
    "where.team": [{"team": "$user.nope"}, {"team": "$user"}, {"team": "$team"}, {"team": "$user.password_hash"}],
    "where.team.contains": [{"team": {"contains": "$user.team"}}],
    "where.state": [{"state": "ajar"}],
}


@pytest.fixture
def teams(admin, alice, bob):
    """Makes the profile field `team`: alice is in the blue one, bob in none."""
    assert admin.put("/users/settings", json={"fields": {"team": {"type": "string"}}}).status_code == 200
    assert admin.patch(f"/users/{alice.id}", json={"profile": {"team": "blue"}}).status_code == 200


def declare(admin, access, fields=FIELDS):
    """Declare notes, or change their access."""
    if admin.get("/resources/notes").status_code == 404:
        admin.declare("notes", fields, feed=True)
    response = admin.put("/resources/notes", json={"fields": fields, "access": access, "feed": True})
    assert response.status_code == 200, response.json


def titles(person, query=""):
    """Return the titles of the notes that a person finds."""
    response = person.get(f"/notes?sort=title&{query}")
    assert response.status_code == 200, response.json
    assert response.json["meta"]["total"] == len(response.json["data"])
    return " ".join(note["title"] for note in response.json["data"])


def test_a_rule_gives_the_rows_that_meet_it(teams, admin, alice):
    declare(admin, {})
    notes = {values["title"]: admin.make("notes", **values)["id"] for values in NOTES}
    for what, (rule, expected) in RULES.items():
        grants = [{"role": "member", "where": rule}]
        declare(admin, {"list": grants, "read": grants})
        assert titles(alice) == expected, what
        read = " ".join(title for title, made in notes.items() if alice.get(f"/notes/{made}").status_code == 200)
        assert read == expected, what


def test_the_feed_shows_changes_of_the_rows_that_meet_a_rule(teams, admin, alice):
    declare(admin, {})
    notes = [admin.make("notes", **values)["id"] for values in NOTES]
    for number, (what, (rule, _)) in enumerate(RULES.items()):
        declare(admin, {"list": [{"role": "member", "where": rule}]})
        complete = Follower(admin)
        updates = [{"op": "update", "resource": "notes", "id": each, "data": {"stars": number}} for each in notes]
        assert admin.post("/batch", json={"operations": updates[:2] + updates[:1] + updates[2:]}).status_code == 200
        complete.read(5)
        if alice.get("/notes").status_code == 403:  # a rule that no record meets
            assert alice.get("/changes?resource=notes").status_code == 403
            continue
        found = alice.get(f"/changes?resource=notes&data=true&after={complete.start}").json["data"]
        assert sorted(each["data"]["title"] for each in found) == titles(alice).split(), what


def test_several_grants_add_up(teams, admin, alice, bob, stranger):
    declare(admin, {"list": [PUBLISHED, TEAM, "owner"], "create": ["member"]})
    for values in NOTES:
        admin.make("notes", **values)
    bob.make("notes", title="e")
    assert [titles(person) for person in (stranger, alice, bob, admin)] == ["a c", "a b c", "a c e", "a b c d e"]


def test_filters_only_narrow_what_a_rule_gives(admin, stranger):
    declare(admin, {"list": [PUBLISHED]})
    for values in NOTES:
        admin.make("notes", **values)
    assert titles(stranger, "published=false") == ""
    assert titles(stranger, "stars__in=1,2,3&team__isnull=true") == "c"


def test_paging_by_cursor_keeps_to_the_rule(admin, stranger):
    declare(admin, {"list": [PUBLISHED]})
    for values in NOTES:
        admin.make("notes", **values)
    first = stranger.get("/notes?per_page=1&sort=-stars").json
    rest = stranger.get(f"/notes?sort=-stars&cursor={first['meta']['next_cursor']}").json
    assert [note["title"] for note in first["data"] + rest["data"]] == ["c", "a"]


def test_a_user_without_a_value_gets_no_rows_not_even_those_without_one(teams, admin, bob, stranger):
    grants = [TEAM, {"role": "public", "where": {"created_by": "$user.id"}}]
    declare(admin, {"list": grants, "read": grants, "create": ["member"]})
    made = [admin.make("notes", **values)["id"] for values in NOTES] + [bob.make("notes", title="e")["id"]]
    assert titles(bob) == "e"
    assert stranger.get("/notes").status_code == 401
    assert [bob.get(f"/notes/{each}").status_code for each in made] == [404, 404, 404, 404, 200]
    declare(admin, {"list": [{"role": "member", "where": {"team": {"ne": "$user.team"}}}]})
    assert bob.get("/notes").status_code == 403


def test_an_unconfirmed_address_grants_no_rows(admin, bob):
    declare(admin, {"list": [{"role": "member", "where": {"editor": "$user.email"}}]})
    for values in NOTES:
        admin.make("notes", **values)
    statuses = []
    for verified_at in (None, utcnow()):
        with database.connection_context():
            User.update(verified_at=verified_at).where(User.email == bob.email).execute()
        statuses.append(bob.get("/notes").status_code)
    assert statuses == [403, 200]
    assert titles(bob) == "b"


def test_another_value_of_the_user_counts_from_the_next_request_on(teams, admin, alice):
    declare(admin, {"list": [TEAM]})
    for values in NOTES:
        admin.make("notes", **values)
    assert titles(alice) == "b"
    admin.patch(f"/users/{alice.id}", json={"profile": {"team": "red"}})
    assert titles(alice) == "a"
    admin.patch(f"/users/{alice.id}", json={"profile": {"team": None}})
    assert alice.get("/notes").status_code == 403


def test_a_record_that_the_rule_excludes_cannot_be_made(teams, admin, alice):
    declare(admin, {"create": [TEAM]})
    assert alice.post("/notes", json={"title": "ours", "team": "blue"}).status_code == 201
    for team in ("red", None):
        assert alice.post("/notes", json={"title": "theirs", "team": team}).status_code == 403
    assert titles(admin) == "ours"


def test_a_change_must_find_the_row_within_the_rule_and_leave_it_there(teams, admin, alice):
    declare(admin, {"read": ["member"], "update": [TEAM]})
    ours, theirs = (admin.make("notes", title="x", team=team)["id"] for team in ("blue", "red"))
    assert alice.patch(f"/notes/{ours}", json={"title": "y"}).status_code == 200
    assert alice.patch(f"/notes/{theirs}", json={"title": "y"}).status_code == 403
    assert alice.patch(f"/notes/{theirs}", json={"team": "blue"}).status_code == 403
    assert alice.patch(f"/notes/{ours}", json={"team": "red"}).status_code == 403
    assert alice.put(f"/notes/{ours}", json={"title": "z"}).status_code == 403
    left = admin.get(f"/notes/{ours}").json["data"]
    assert (left["title"], left["team"], left["version"]) == ("y", "blue", 2)


def test_a_refused_write_does_not_reveal_whether_its_values_are_taken(teams, admin, alice):
    fields = {"team": {"type": "string"}, "code": {"type": "string"}}
    access = {"read": ["member"], "create": [TEAM], "update": [TEAM]}
    admin.declare("codes", fields, unique=[["team", "code"]], access=access)
    admin.make("codes", team="red", code="taken")
    mine = alice.make("codes", team="blue", code="x")["id"]
    for send, path in ((alice.post, "/codes"), (alice.patch, f"/codes/{mine}"), (alice.put, f"/codes/{mine}")):
        refusals = [send(path, json={"team": "red", "code": code}) for code in ("taken", "free")]
        assert [answer.status_code for answer in refusals] == [403, 403]
        assert refusals[0].json["error"] == refusals[1].json["error"]
    assert alice.post("/codes", json={"team": "blue", "code": "x"}).status_code == 409


def test_every_operator_checks_the_record_as_it_would_be(teams, admin, alice):
    for what, (rule, expected) in RULES.items():
        declare(admin, {"read": ["member"], "create": [{"role": "member", "where": rule}], "update": ["member"]})
        made = " ".join(values["title"] for values in NOTES if alice.post("/notes", json=values).status_code == 201)
        assert made == {"owner": "a b c d"}.get(what, expected), what
        declare(admin, {"read": ["member"], "update": [{"role": "member", "where": {"version": 1}}]})
        assert alice.patch(f"/notes/{admin.make('notes')['id']}", json={"title": "x"}).status_code == 403


def test_a_change_may_lead_from_one_grant_to_another(admin, alice):
    rules = [{"role": "member", "where": {"state": state}} for state in ("open", "closed")]
    declare(admin, {"read": ["member"], "update": rules})
    note = admin.make("notes", state="open")["id"]
    assert alice.patch(f"/notes/{note}", json={"state": "closed"}).status_code == 200
    assert alice.patch(f"/notes/{note}", json={"state": None}).status_code == 403


def test_only_rows_within_the_rule_can_be_deleted(admin, alice):
    declare(admin, {"read": ["member"], "delete": [{"role": "member", "where": {"published": False}}]})
    kept, deleted = (
        admin.make("notes", title=str(published), published=published)["id"] for published in (True, False)
    )
    assert [alice.delete(f"/notes/{each}").status_code for each in (kept, deleted)] == [403, 200]
    assert titles(admin) == "True"


def test_a_hidden_row_does_not_differ_from_a_missing_one(admin, bob):
    declare(admin, {"read": [PUBLISHED], "update": ["member"], "delete": ["member"]})
    hidden = admin.make("notes", title="x")["id"]
    missing = "0193e0f4-0000-7000-8000-000000000000"
    for send in (bob.get, lambda path: bob.patch(path, json={"title": "y"}), bob.delete):
        answers = [send(f"/notes/{each}") for each in (hidden, missing)]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].json["error"] == answers[1].json["error"]
    assert bob.get(f"/notes/{hidden}", headers={"If-None-Match": '"1"'}).status_code == 404
    assert bob.delete(f"/notes/{hidden}", headers={"If-Match": '"7"'}).status_code == 404


def test_a_reference_cannot_point_at_a_row_that_the_rule_hides(admin, bob):
    declare(admin, {"read": [PUBLISHED]})
    admin.declare("replies", {"note": {"type": "reference", "to": "notes"}}, access={"create": ["member"]})
    shown, hidden = (admin.make("notes", published=published)["id"] for published in (True, False))
    assert bob.post("/replies", json={"note": shown}).status_code == 201
    refusals = [bob.post("/replies", json={"note": each}) for each in (hidden, "0193e0f4-0000-7000-8000-000000000000")]
    assert [answer.status_code for answer in refusals] == [422, 422]
    assert refusals[0].json["error"] == refusals[1].json["error"]


def test_writing_the_owner_of_a_record_does_not_take_it_over(admin, alice, bob):
    declare(admin, {"read": ["member"], "create": ["member"], "update": ["owner", "editor"]})
    note = alice.make("notes", title="x")["id"]
    for person in (alice, bob):
        assert person.patch(f"/notes/{note}", json={"created_by": bob.id}).status_code == 422
    assert bob.post("/notes", json={"created_by": alice.id}).status_code == 422
    assert bob.patch(f"/notes/{note}", json={"title": "mine"}).status_code == 403
    assert admin.get(f"/notes/{note}").json["data"]["created_by"] == alice.id


def test_an_owner_may_be_held_to_a_rule_too(admin, alice, bob):
    drafts = {"role": "owner", "where": {"published": False}}
    declare(admin, {"read": ["member"], "create": ["member"], "update": [drafts]})
    note = alice.make("notes")["id"]
    assert bob.patch(f"/notes/{note}", json={"title": "x"}).status_code == 403
    assert alice.patch(f"/notes/{note}", json={"title": "x"}).status_code == 200
    assert alice.patch(f"/notes/{note}", json={"published": True}).status_code == 403
    admin.patch(f"/notes/{note}", json={"published": True})
    assert alice.patch(f"/notes/{note}", json={"title": "y"}).status_code == 403


@ON_SQLITE
def test_refuses_rules_that_make_no_sense(teams, admin):
    for place, rules in WRONG_RULES.items():
        for rule in rules:
            grants = [{"role": "member", "where": rule}]
            response = admin.post("/resources", json={"name": "notes", "fields": FIELDS, "access": {"list": grants}})
            assert response.status_code == 422, rule
            (problem,) = details_of(response)["json"]["access"]["list"]
            assert problem.startswith(f"{place}:"), (rule, problem)


@ON_SQLITE
def test_refuses_grants_that_are_none(admin):
    whole = {"role": "member", "where": {"published": True}}
    for grant in (7, None, ["member"], {}, {"role": "member"}, whole | {"more": 1}, whole | {"role": ["member"]}):
        response = admin.post("/resources", json={"name": "notes", "fields": FIELDS, "access": {"list": [grant]}})
        assert response.status_code == 422, grant
        assert list(details_of(response)["json"]["access"]) == ["list"]
    assert "nobody" in str(
        admin.post(
            "/resources",
            json={"name": "notes", "fields": FIELDS, "access": {"list": [whole | {"role": "nobody"}]}},
        ).json
    )


@ON_SQLITE
def test_a_grant_does_not_outlive_a_field_that_it_names(teams, admin, alice):
    declare(admin, {"list": [TEAM]})
    fields = {name: kind for name, kind in FIELDS.items() if name != "team"}
    response = admin.put("/resources/notes", json={"fields": fields, "access": {"list": [TEAM]}})
    assert response.status_code == 422
    assert "where.team" in details_of(response)["json"]["access"]["list"][0]
    for fields in ({}, {"team": {"type": "integer"}}):
        assert admin.put("/users/settings?confirm=true", json={"fields": fields}).status_code == 409
    assert admin.get("/users/settings").json["data"]["fields"] == {"team": {"type": "string"}}


@ON_SQLITE
def test_a_role_in_a_rule_cannot_be_deleted(admin):
    admin.post("/roles", json={"name": "curator", "permissions": []})
    declare(admin, {"list": [{"role": "curator", "where": {"published": True}}]})
    assert admin.delete("/roles/curator").status_code == 409


def test_a_definition_with_rules_comes_back_as_it_was_given(teams, admin):
    access = {"list": ["editor", TEAM, {"role": "owner", "where": {"price": {"gt": "1.50"}, "stars": {"in": [1, 2]}}}]}
    declare(admin, access)
    assert admin.get("/resources/notes").json["data"]["access"] == access


def test_an_import_is_held_to_the_rules(teams, admin, alice, app, tmp_path):
    declare(admin, {"create": [TEAM]})
    file = tmp_path / "notes.csv"
    file.write_text("title,team\nours,blue\ntheirs,red\n")
    actor = Actor(user_id=alice.id, roles=frozenset({"member"}))
    with database.connection_context(), file.open("rb") as lines:
        report = import_records(actor, app.catalog["notes"], CsvRows(lines))
    assert [line for line, _ in report.problems] == [3]
    assert titles(admin) == ""
