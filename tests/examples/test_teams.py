"""The example of teams: each path to its records, for each kind of person."""

import dataclasses
import json
import re
import subprocess
import sys

import pytest
import yaml

from backend.routes.toolkit import streaming
from backend.services.operation.open_streams import open_streams
from tests.conftest import PASSWORD, Person
from tests.helpers import CSV, UNKNOWN_ID, load, outcome, read
from tests.parts import geo, teams
from tests.parts.changes import Follower
from tests.parts.downloads import PNG, fetch, upload
from tests.parts.every_reader import assert_sent, assert_streamed, webhooks_of
from tests.parts.teams import GARDEN, LIBRARY

# The teams of which each person may learn anything; see Stage.
SEES = {
    "alice": {GARDEN, LIBRARY},
    "key": {GARDEN, LIBRARY},
    "admin": {GARDEN, LIBRARY},
    "bob": {LIBRARY},
    "carol": {GARDEN},
    "dave": set(),
    "edith": set(),
}
ONE_OF_BOTH = {"in": [GARDEN, LIBRARY]}
# Each finds records of both teams, for those who may see them.
READS = [
    *((f"/{name}", {}) for name in ("teams", "projects", "tags", "tasks", "comments", "attachments")),
    ("/memberships", {"expand": "team"}),
    ("/memberships", {"expand": "team.projects"}),
    ("/teams", {"expand": "projects.tasks,memberships"}),
    ("/projects", {"expand": "team,tasks.comments"}),
    ("/tags", {"expand": "tasks.project,team.projects"}),
    ("/tasks", {"expand": "project.team,tags,comments", "fields": "id"}),
    ("/comments", {"expand": "task.project,task.tags", "fields": "id"}),
    ("/projects", {"expand": "tasks", "expand.tasks.sort": "-title", "expand.tasks.count": "true"}),
    ("/tasks", {"q": "work"}),
    ("/tasks", {"sort": "-title", "count": "false"}),
    ("/tasks", {"sort": "assignee.name,project.team", "fields": "title"}),
    ("/tasks", {"title__contains": "work", "state": "open", "due__isnull": "true"}),
    ("/tasks", {"tags__any": "{garden.tags},{library.tags}"}),
    ("/tasks", {"tags__isempty": "false"}),
    ("/tasks", {"project.team__in": "{garden.teams},{library.teams}"}),
    ("/tasks", {"where": {"not": {"title": "x"}}}),
    ("/tasks", {"where": {"comments": {"some": {"body": {"contains": "talk"}}}}}),
    ("/tasks", {"where": {"any": [{"project.team.name": ONE_OF_BOTH}, {"state": "done"}]}}),
    ("/teams", {"where": {"projects": {"some": {"tasks": {"some": {"tags": {"some": {}}}}}}}}),
    ("/teams", {"where": {"projects": {"none": {"name": "x"}}}}),
    ("/tags", {"where": {"tasks": {"some": {"state": "open"}}}}),
    ("/comments", {"where": {"task.project.name": {"contains": "plan"}}}),
    ("/tasks/aggregate", {"group_by": "title,project.team"}),
    ("/tasks/aggregate", {"min": "title", "group_by": "project", "sort": "-count"}),
    ("/tags/aggregate", {"group_by": "name", "count__gte": 1}),
    ("/tasks/export", {"format": "csv"}),
    ("/tasks/export", {"format": "ndjson", "where": {"tags": {"some": {}}}}),
    ("/comments/export", {"format": "csv", "sort": "-body"}),
    ("/attachments/export", {"format": "csv"}),
    ("/attachments", {"where": {"task.project.name": {"contains": "plan"}}}),
    ("/tasks", {"expand": "attachments", "fields": "id"}),
]
X = {"title": "x"}
TAG = {"team": "{garden.teams}", "name": "Garden tag"}  # which that team has
# What somebody else asks with the id of a record of the garden; the answer must be that for an id of nothing.
GUESSES = [
    *(("GET", f"/{name}/{{garden.{name}}}", None) for name in teams.RESOURCES),
    *(("DELETE", f"/{name}/{{garden.{name}}}", None) for name in teams.RESOURCES),
    *(("PATCH", f"/{name}/{{garden.{name}}}", {}) for name in teams.RESOURCES),
    ("PATCH", "/tasks/{garden.tasks}", X),
    ("PATCH", "/memberships/{garden.memberships}", {"role": "member"}),
    ("PUT", "/tasks/{garden.tasks}", {"project": "{mine.projects}", **X}),
    ("GET", "/tasks/{garden.tasks}/history", None),
    ("GET", "/tasks/{garden.tasks}?expand=comments", None),
    ("POST", "/memberships", {"team": "{garden.teams}", "role": "owner"}),
    ("POST", "/memberships", {"team": "{garden.teams}", "user": "{alice}"}),
    ("POST", "/projects", {"team": "{garden.teams}", "name": "Garden plan"}),
    ("POST", "/tags", {"team": "{garden.teams}", "name": "GARDEN TAG"}),
    ("POST", "/tags?upsert=team,name", TAG),
    ("POST", "/tasks", {"project": "{garden.projects}", **X}),
    ("POST", "/tasks", {"project": "{mine.projects}", "tags": ["{garden.tags}"], **X}),
    ("POST", "/comments", {"task": "{garden.tasks}", "body": "x"}),
    ("PATCH", "/tasks/{mine.tasks}", {"project": "{garden.projects}"}),
    ("PATCH", "/tasks/{mine.tasks}", {"tags": ["{garden.tags}"]}),
    ("PATCH", "/tasks/{mine.tasks}", {"tags": {"add": ["{garden.tags}"]}}),
    ("PATCH", "/tasks/{mine.tasks}", {"tags": {"remove": ["{garden.tags}"]}}),
    ("PATCH", "/comments/{mine.comments}", {"task": "{garden.tasks}"}),
    ("PATCH", "/projects/{mine.projects}", {"team": "{garden.teams}"}),
    ("POST", "/batch", {"operations": [{"op": "update", "resource": "tasks", "id": "{garden.tasks}", "data": X}]}),
    ("POST", "/batch", {"operations": [{"op": "delete", "resource": "tags", "id": "{garden.tags}"}]}),
    ("POST", "/batch", {"operations": [{"op": "upsert", "resource": "tags", "key": "team,name", "data": TAG}]}),
    ("GET", "/attachments/{garden.attachments}/file", None),
    ("HEAD", "/attachments/{garden.attachments}/file", None),
    ("POST", "/attachments/{garden.attachments}/file/link", {"seconds": 60}),
    ("POST", "/attachments", {"task": "{garden.tasks}", "file": UNKNOWN_ID}),
    ("GET", "/tasks?project={garden.projects}", None),
    ("GET", "/tasks?project.team={garden.teams}", None),
    ("GET", "/tasks?id={garden.tasks}&expand=project", None),
    ("GET", "/tasks?tags__any={garden.tags}", None),
    ("GET", "/tasks?tags__all={garden.tags}", None),
    ("GET", "/tasks?tags__none={garden.tags}", None),
    ("GET", '/tasks?expand=comments&expand.comments.where={"id": "{garden.comments}"}', None),
    ("GET", "/memberships?team={garden.teams}", None),
    ("GET", "/tasks/aggregate?project={garden.projects}", None),
    ("GET", "/tasks/export?format=csv&project={garden.projects}", None),
    ("GET", '/tasks?where={"project": "{garden.projects}"}', None),
    ("GET", '/tasks?where={"project.team": {"ne": "{garden.teams}"}}', None),
    ("GET", '/tasks?where={"tags": {"none": {"id": "{garden.tags}"}}}', None),
    ("GET", '/tasks?where={"tags": {"some": {"id": "{garden.tags}"}}}', None),
    ("GET", '/tasks?where={"assignee.memberships": {"some": {"team": "{garden.teams}"}}}', None),
    ("GET", '/tasks?where={"assignee.memberships": {"none": {"team": "{garden.teams}"}}}', None),
    ("GET", '/tasks/aggregate?where={"comments": {"some": {"id": "{garden.comments}"}}}', None),
]
# (person, method, path, body, status): what a member, an owner and others may do to records that they see.
WRITES = [
    ("carol", "PATCH", "/memberships/{m.carol}", {"role": "owner"}, 403),
    ("carol", "PATCH", "/memberships/{garden.memberships}", {"role": "member"}, 403),
    ("carol", "DELETE", "/memberships/{garden.memberships}", None, 403),
    ("carol", "POST", "/memberships", {"team": "{garden.teams}", "user": "{edith}"}, 403),
    ("carol", "PATCH", "/teams/{garden.teams}", {"name": "x"}, 403),
    ("carol", "DELETE", "/teams/{garden.teams}", None, 403),
    ("carol", "POST", "/comments", {"task": "{garden.tasks}", "author": "{alice}", "body": "x"}, 403),
    ("carol", "PATCH", "/comments/{garden.comments}", {"body": "x"}, 403),
    ("carol", "DELETE", "/comments/{garden.comments}", None, 403),
    ("carol", "GET", "/tasks/{garden.tasks}/history", None, 403),
    ("carol", "GET", "/attachments/{garden.attachments}/file", None, 200),
    ("carol", "PATCH", "/attachments/{garden.attachments}", {"file": "{bobs}"}, 422),
    ("carol", "PATCH", "/tasks/{garden.tasks}", {"state": "doing", "assignee": "{carol}"}, 200),
    ("carol", "POST", "/tags", {"team": "{garden.teams}", "name": "GARDEN TAG"}, 409),
    ("alice", "PATCH", "/memberships/{garden.memberships}", {"role": "member"}, 403),
    ("alice", "DELETE", "/memberships/{garden.memberships}", None, 403),
    ("alice", "PATCH", "/memberships/{m.carol}", {"user": "{alice}"}, 403),
    ("alice", "PATCH", "/memberships/{m.alice}", {"role": "owner"}, 403),
    ("alice", "DELETE", "/memberships/{library.memberships}", None, 403),
    ("alice", "DELETE", "/teams/{library.teams}", None, 403),
    ("alice", "POST", "/memberships", {"team": "{garden.teams}", "user": "{carol}"}, 409),
    ("alice", "PATCH", "/teams/{garden.teams}", {"name": "Garden and pond"}, 200),
    ("key", "PATCH", "/tasks/{library.tasks}", {"state": "doing"}, 200),
    ("key", "DELETE", "/teams/{library.teams}", None, 403),
    ("edith", "POST", "/memberships", {"team": "{garden.teams}", "role": "owner"}, 422),
    ("public", "POST", "/teams", {"name": "x"}, 401),
    ("public", "PATCH", "/tasks/{garden.tasks}", X, 401),
    ("admin", "GET", "/tasks/{garden.tasks}/history", None, 200),
    ("carol", "DELETE", "/memberships/{m.carol}", None, 200),
    ("carol", "GET", "/tasks/{garden.tasks}", None, 404),
    ("carol", "GET", "/attachments/{garden.attachments}/file", None, 404),
]


@pytest.fixture
def stage(app, settings, admin):
    """The two teams of the example."""
    teams.apply(settings)
    return teams.Stage(app, admin)


def ids_of(stage, garden, mine):
    """Return what stands for ids in the tables: `{garden.tasks}` and the like."""
    parts = {"garden": garden, "library": stage.library, "mine": mine}
    ids = {f"{{{part}.{name}}}": value for part, found in parts.items() for name, value in found.items()}
    return ids | {f"{{{name}}}": stage.people[name].id for name in ("alice", "carol", "edith")}


def fill_in(value, ids):
    """Return a value with the ids in it."""
    text = json.dumps(value)
    for name, found in ids.items():
        text = text.replace(name, found)
    return json.loads(text)


def ask(person, path, query):
    """Send a request with a query, in which a `where` is a dict."""
    return person.get(path, query_string={k: json.dumps(v) if isinstance(v, dict) else v for k, v in query.items()})


def test_every_path_leads_only_to_the_records_of_your_teams(stage):
    ids, wrong = ids_of(stage, stage.garden, {}), {}
    for path, template in READS:
        query = fill_in(template, ids)
        for name, expected in SEES.items():
            answer = ask(stage.people[name], path, query)
            found = {team for team in (GARDEN, LIBRARY) if team in answer.text}
            total, count = (answer.json["meta"]["total"], len(answer.json["data"])) if answer.is_json else (None, 0)
            if (answer.status_code, found) != (200, expected) or total not in (None, count):
                wrong[name, path, str(template)] = (answer.status_code, answer.text)
        assert ask(stage.people["public"], path, query).status_code == 401, path
    assert wrong == {}


def test_the_feed_leads_only_to_the_records_of_your_teams(stage, app, settings, admin, tmp_path, monkeypatch):
    monkeypatch.setattr(streaming, "BEAT_SECONDS", 0.2)
    document = yaml.safe_load((teams.FOLDER / "resources.yml").read_text())
    with_feeds = {name: each | {"feed": True} for name, each in document["resources"].items()}
    (tmp_path / "feeds.yml").write_text(yaml.safe_dump(document | {"resources": with_feeds}))
    geo.run(settings, "resources", "apply", tmp_path / "feeds.yml")
    open_streams.open(dataclasses.replace(settings, streams=2))
    resources = ",".join(teams.RESOURCES)
    assert stage.people["public"].get(f"/changes?resource={resources}").status_code == 401
    followers = {name: Follower(stage.people[name], resources, data="true") for name in SEES}
    accounts = {name: stage.people[name] for name in SEES if name != "key"}
    with webhooks_of(app, settings, accounts, resources) as send:
        for owner, team in (("alice", stage.garden), ("bob", stage.library)):
            for name, record_id in team.items():
                record = admin.get(f"/{name}/{record_id}").json["data"]
                values = {key: record[key] for key in ("name", "title", "body", "role", "file") if key in record}
                assert admin.patch(f"/{name}/{record_id}", json=values).status_code == 200
            made = teams.make_team(stage.people[owner], owner)  # in which nobody else is
            assert stage.people[owner].delete(f"/teams/{made['teams']}").status_code == 200
        complete = followers.pop("admin").read(42)  # of two teams: updates, creations and deletions
        sent = send()
    assert len(complete) == 42
    assert_sent(sent["admin"], complete)
    for name, follower in followers.items():
        mine = [team for word, team in ((GARDEN, stage.garden), (LIBRARY, stage.library)) if word in SEES[name]]
        changes = follower.read(0)
        assert [each["id"] for each in changes] == [team[resource] for team in mine for resource in teams.RESOURCES]
        assert_streamed(stage.people[name], follower, changes)
        if name in accounts:
            assert_sent(sent[name], changes)
        for change in changes:
            assert change["data"] == stage.people[name].get(f"/{change['resource']}/{change['id']}").json["data"]


def test_a_record_of_a_foreign_team_is_like_one_that_does_not_exist(stage, admin):
    hidden = {"tags": {"add": [stage.garden["tags"]]}}  # from bob, on a task of his team
    assert stage.people["alice"].patch(f"/tasks/{stage.library['tasks']}", json=hidden).status_code == 200
    before, differences = [read(admin, name) for name in teams.RESOURCES], {}
    nothing = dict.fromkeys(teams.RESOURCES, UNKNOWN_ID)
    for name in ("bob", "dave", "edith"):
        mine = stage.library if name == "bob" else dict.fromkeys(teams.RESOURCES, UNKNOWN_ID[:-1] + "1")
        for guess in GUESSES:
            answers = []
            for garden in (stage.garden, nothing):
                method, path, body = fill_in(guess, ids_of(stage, garden, mine))
                path, _, query = path.partition("?")
                query = dict(part.split("=", 1) for part in query.split("&")) if query else {}
                headers = {"GET": {"If-None-Match": '"1"'}, "POST": {}}.get(method, {"If-Match": "*"})
                answer = stage.people[name].send(method, path, query_string=query, json=body, headers=headers)
                answers.append((answer.status_code, without_ids(answer, garden)))
            if answers[0] != answers[1]:
                differences[name, str(guess)] = answers
    assert differences == {}
    assert [read(admin, name) for name in teams.RESOURCES] == before


def without_ids(answer, garden):
    """Return the text of an answer, without its time, the ids that were sent, and the cursor, which always differs."""
    text = re.sub('"changes_cursor": "[^"]*"', "", answer.text.partition('"timestamp"')[0])
    for found in garden.values():
        text = text.replace(found, "ID")
    return text


def test_members_and_owners_may_do_what_the_page_says(stage):
    ids = ids_of(stage, stage.garden, {}) | {"{m.carol}": stage.membership(stage.garden, "carol")}
    ids |= {"{m.alice}": stage.membership(stage.library, "alice"), "{bobs}": upload(stage.people["bob"])}
    for who, method, path, body, status in WRITES:
        answer = fetch(stage.people[who], fill_in(path, ids), method, json=fill_in(body, ids))
        assert answer.status_code == status, (who, method, path, body, answer.json)


def test_the_creator_of_a_team_becomes_its_first_owner_and_nobody_else(stage):
    edith, bob, carol = [stage.people[name] for name in ("edith", "bob", "carol")]
    operations = [
        {"op": "create", "resource": "teams", "data": {"name": "Choir"}},
        {"op": "create", "resource": "memberships", "data": {"team": {"$ref": 0}, "role": "owner"}},
    ]
    assert edith.post("/batch", json={"operations": operations}).status_code == 200
    team = edith.make("teams", name="Band")["id"]
    assert bob.get(f"/teams/{team}").status_code == 404
    own = {"team": team, "role": "owner"}
    for person, values, status in [
        (bob, own, 422),
        (edith, own | {"role": "member"}, 403),
        (edith, own | {"user": bob.id}, 403),
        (edith, own, 201),
        (edith, own, 409),
        (edith, own | {"user": carol.id}, 201),
    ]:
        assert person.post("/memberships", json=values).status_code == status, values
    theirs = edith.get("/memberships", query_string={"team": team, "user": edith.id}).json["data"][0]
    assert carol.delete(f"/memberships/{theirs['id']}").status_code == 200
    assert edith.post("/memberships", json=own).status_code == 422
    assert edith.get("/teams").json["meta"]["total"] == 1


def test_everybody_sees_the_card_of_another_and_changes_their_own(stage):
    edith, bob, stranger = [stage.people[name] for name in ("edith", "bob", "public")]
    assert edith.post("/cards", json={"picture": upload(edith, b"a text")}).status_code == 422
    card = edith.make("cards", picture=upload(edith))
    assert card["user"] == edith.id
    path = f"/cards/{card['id']}"
    assert fetch(bob, f"{path}/picture").data == PNG
    assert bob.patch(path, json={"picture": None}).status_code == 403
    assert bob.post("/cards", json={"user": edith.id}).status_code == 403
    assert stranger.get(f"{path}/picture").status_code == 401


def test_an_import_reaches_only_the_teams_of_its_sender(stage, admin):
    bob, garden, library = stage.people["bob"], stage.garden, stage.library
    before = read(admin, "tasks")
    new = "project,title\n{},x\n"
    known = f"id,project,title\n{{}},{library['projects']},x\n"
    for lines, query, hidden in [
        (new, {}, garden["projects"]),
        (known, {"mode": "upsert", "key": "id"}, garden["tasks"]),
    ]:
        refused = [load(bob, lines.format(each), CSV, "tasks", **query) for each in (hidden, UNKNOWN_ID)]
        assert [answer.status_code for answer in refused] == [422, 422]
        texts = [answer.text.partition('"timestamp"')[0] for answer in refused]
        assert texts[0].replace(hidden, UNKNOWN_ID) == texts[1]
    assert read(admin, "tasks") == before
    assert outcome(load(bob, new.format(library["projects"]), CSV, "tasks")) == (1, 1, 0, 0)


def test_a_member_of_two_teams_mixes_them_without_showing_one_to_the_other(stage):
    alice, bob = stage.people["alice"], stage.people["bob"]
    task = f"/tasks/{stage.library['tasks']}"
    both = [stage.library["tags"], stage.garden["tags"]]
    assert alice.patch(task, json={"tags": {"add": [stage.garden["tags"]]}}).json["data"]["tags"] == both
    seen = bob.get(f"{task}?expand=tags").json["data"]
    assert (seen["tags"], [tag["name"] for tag in seen["expand"]["tags"]]) == (both[:1], ["Library tag"])
    assert bob.patch(task, json={"tags": []}).json["data"]["tags"] == []
    assert alice.get(task).json["data"]["tags"] == both[1:]


def test_the_data_of_the_demo_belongs_to_its_people(app, settings, admin, tmp_path):
    teams.apply(settings)
    subprocess.run([sys.executable, teams.FOLDER / "make_data.py", tmp_path], check=True)
    for name in ("ada", "ben", "cleo", "dan", "eve"):
        geo.run(settings, "users", "create", f"{name}@example.com", "--name", name, "--password", PASSWORD)
    for name in teams.FILLED:
        geo.run(settings, "records", "import", name, tmp_path / f"{name}.csv", "--if-empty")
    totals = {name: Person(app, name).get("/tasks").json["meta"]["total"] for name in ("ada", "ben", "dan", "eve")}
    assert totals == {"ada": 48, "ben": 24, "dan": 36, "eve": 0}
