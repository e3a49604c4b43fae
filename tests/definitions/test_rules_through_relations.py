"""Row rules whose `where` leads through relations: who belongs to a team sees its projects and tasks."""

import pytest

from tests.helpers import details_of
from tests.parts.changes import Follower

MINE = {"some": {"user": "$user.id"}}
LEADING = {"some": {"user": "$user.id", "leads": True}}
NAMED = {"name": {"type": "string"}}
MEMBERSHIPS = {
    "team": {"type": "reference", "to": "teams", "required": True, "on_delete": "cascade"},
    "user": {"type": "reference", "to": "users", "required": True, "on_delete": "cascade"},
    "leads": {"type": "boolean", "required": True, "default": False},
}
PROJECTS = {
    "name": {"type": "string"},
    "team": {"type": "reference", "to": "teams", "required": True},
    "open": {"type": "boolean", "required": True, "default": True},
}
TASKS = {"title": {"type": "string"}, "project": {"type": "reference", "to": "projects"}}


def granted(where, *, actions=("list", "read", "create", "update", "delete")):
    return {action: [{"role": "member", "where": where}] for action in actions}


@pytest.fixture
def world(admin, alice, bob):
    """Team red of alice and bob, who leads it, and team blue of bob; each has a project with a task. Ids by name."""
    admin.declare("teams", NAMED)
    leaders = granted({"team.memberships": LEADING}, actions=("create", "update", "delete"))
    access = granted({"team.memberships": MINE}, actions=("list", "read"))
    admin.declare("memberships", MEMBERSHIPS, unique=[["team", "user"]], access=access | leaders)
    admin.declare("projects", PROJECTS, access=granted({"team.memberships": MINE}))
    admin.declare("tasks", TASKS, history=True, feed=True, access=granted({"project.team.memberships": MINE}))
    # Only now: the rule names a relation that does not exist before memberships do.
    teams = {"fields": NAMED, "access": granted({"memberships": MINE})}
    assert admin.put("/resources/teams", json=teams).status_code == 200
    ids = {}
    for name in ("red", "blue"):
        ids[name] = admin.make("teams", name=name)["id"]
        ids[f"{name} project"] = admin.make("projects", name=name, team=ids[name])["id"]
        ids[f"{name} task"] = admin.make("tasks", title=name, project=ids[f"{name} project"])["id"]
    for team, user, leads in (("red", alice, False), ("red", bob, True), ("blue", bob, False)):
        ids[f"{user.name.lower()} {team}"] = admin.make("memberships", team=ids[team], user=user.id, leads=leads)["id"]
    return ids


def titles(person, query=""):
    response = person.get(f"/tasks?sort=title&{query}")
    assert response.status_code == 200, response.json
    assert response.json["meta"]["total"] == len(response.json["data"])
    return " ".join(row["title"] for row in response.json["data"])


def test_membership_decides_on_every_path(world, admin, alice, bob, stranger):
    assert (titles(alice), titles(bob), titles(admin)) == ("red", "blue red", "blue red")
    assert stranger.get("/tasks").status_code == 401
    assert alice.get(f"/tasks/{world['blue task']}").status_code == 404
    assert alice.get(f"/tasks/{world['blue task']}/history").status_code == 403
    assert alice.get("/tasks/aggregate").json["data"] == [{"count": 1}]
    assert alice.get("/tasks/export?format=ndjson").text.count("\n") == 1
    assert alice.get("/tasks?expand=project").json["data"][0]["expand"]["project"]["name"] == "red"
    assert [team["name"] for team in alice.get("/teams").json["data"]] == ["red"]
    assert alice.get("/memberships?count=true").json["meta"]["total"] == 2
    assert stranger.get("/changes?resource=tasks").status_code == 401
    complete, mine = Follower(admin, "tasks"), Follower(alice, "tasks", data="true")
    for name in ("blue", "red", "blue"):
        admin.patch(f"/tasks/{world[f'{name} task']}", json={"title": f"{name} again"})
    assert len(complete.read(3)) == 3
    assert [each["data"]["title"] for each in mine.read(1)] == ["red again"]
    admin.delete(f"/memberships/{world['alice red']}")  # from now on she sees none of those changes any more
    mine.cursor = mine.start
    assert mine.read(0) == []


def test_writes_are_checked_before_and_after(world, alice, bob):
    mine, other = world["red task"], world["blue task"]
    assert alice.patch(f"/tasks/{mine}", json={"title": "new"}).status_code == 200
    assert alice.patch(f"/tasks/{other}", json={"title": "new"}).status_code == 404
    # Not into another team: its project does not exist for her.
    assert alice.patch(f"/tasks/{mine}", json={"project": world["blue project"]}).status_code == 422
    assert alice.patch(f"/tasks/{mine}", json={"project": None}).status_code == 403
    assert alice.post("/tasks", json={"title": "x", "project": world["blue project"]}).status_code == 422
    assert alice.post("/tasks", json={"title": "x"}).status_code == 403
    assert alice.post("/tasks", json={"title": "x", "project": world["red project"]}).status_code == 201
    assert bob.patch(f"/tasks/{other}", json={"project": world["red project"]}).status_code == 200
    assert alice.delete(f"/tasks/{other}").status_code == 200
    operations = [{"op": "create", "resource": "tasks", "data": {"project": world["blue project"]}}]
    assert alice.post("/batch", json={"operations": operations}).status_code == 422
    rows = f'{{"title": "i", "project": "{world["red project"]}"}}\n{{"title": "i", "project": null}}\n'
    imported = alice.post("/tasks/import", data=rows, headers={"Content-Type": "application/x-ndjson"})
    assert list(details_of(imported)["rows"]) == ["2"]


def test_nobody_makes_themselves_a_leader(world, alice, bob):
    mine = world["alice red"]
    assert alice.patch(f"/memberships/{mine}", json={"leads": True}).status_code == 403
    assert alice.post("/memberships", json={"team": world["blue"], "user": alice.id}).status_code == 422
    assert alice.delete(f"/memberships/{world['bob red']}").status_code == 403
    assert bob.patch(f"/memberships/{mine}", json={"leads": True}).status_code == 200
    assert alice.patch(f"/memberships/{world['bob red']}", json={"leads": False}).status_code == 200
    assert bob.patch(f"/memberships/{mine}", json={"leads": False}).status_code == 403


def test_a_membership_counts_from_the_next_request(world, admin, alice):
    made = admin.make("memberships", team=world["blue"], user=alice.id)
    assert titles(alice) == "blue red"
    admin.delete(f"/memberships/{made['id']}")
    assert titles(alice) == "red"
    admin.delete(f"/memberships/{world['alice red']}")
    assert titles(alice) == ""
    assert alice.get(f"/tasks/{world['red task']}").status_code == 404


def test_rules_follow_renames_of_what_they_lead_through(world, admin, alice):
    fields = {"member": {**MEMBERSHIPS["user"], "renamed_from": "user"}, **MEMBERSHIPS}
    del fields["user"]
    body = admin.get("/resources/memberships").json["data"]
    changed = {"name": "members", "renamed_from": "memberships", "fields": fields, "unique": [["team", "member"]]}
    changed["access"] = {
        action: [{"role": "member", "where": {"team.members": {"some": {"member": "$user.id", **rest}}}}]
        for action, rest in (("list", {}), ("read", {}), ("create", {"leads": True}))
    }
    assert body["access"] != changed["access"]
    response = admin.put("/resources/memberships", json=changed)
    assert response.status_code == 200, response.json
    assert titles(alice) == "red"
    access = admin.get("/resources/tasks").json["data"]["access"]
    assert access["list"] == [{"role": "member", "where": {"project.team.members": {"some": {"member": "$user.id"}}}}]
    projects = {**PROJECTS, "squad": {**PROJECTS["team"], "renamed_from": "team"}}
    del projects["team"]
    access = granted({"squad.members": {"some": {"member": "$user.id"}}})
    assert admin.put("/resources/projects", json={"fields": projects, "access": access}).status_code == 200
    assert titles(alice) == "red"
    assert "project.squad.members" in str(admin.get("/resources/tasks").json["data"]["access"])


def test_what_a_rule_leads_through_cannot_be_taken_away(world, admin):
    without = {"fields": {"name": PROJECTS["name"]}}
    refused = admin.put("/resources/projects", json=without)
    assert refused.status_code == 422
    assert list(details_of(refused)["json"]["tasks"]["access"]) == [*("list", "read", "create", "update", "delete")]
    response = admin.delete("/resources/memberships?confirm=true")
    assert response.status_code == 409
    assert response.json["error"]["message"] == "Row rules lead through memberships: those of projects, tasks, teams."


def test_a_rule_may_be_about_people(world, admin, alice, bob):
    assert admin.put("/users/settings", json={"fields": {"desk": {"type": "string"}}}).status_code == 200
    admin.patch(f"/users/{bob.id}", json={"profile": {"desk": "north"}})
    access = granted({"team.memberships": {"some": {"user.desk": "north"}}}, actions=("list", "read"))
    assert admin.put("/resources/projects", json={"fields": PROJECTS, "access": access}).status_code == 200
    assert len(alice.get("/projects").json["data"]) == 2
    response = admin.put("/users/settings", json={"fields": {}})
    assert response.status_code == 409
