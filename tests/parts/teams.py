"""The example in examples/teams: its people, and two teams that they make through HTTP."""

from pathlib import Path

from tests.conftest import PASSWORD, Person
from tests.parts import geo
from tests.parts.downloads import upload

FOLDER = Path(__file__).parents[2] / "examples" / "teams"
FILLED = (
    "teams",
    "memberships",
    "projects",
    "tags",
    "tasks",
    "comments",
)  # by the demo, in the order in which they refer
RESOURCES = (*FILLED, "attachments")  # of teams
GARDEN, LIBRARY = "Garden", "Library"


def apply(settings):
    """Declare the resources of the example, with the command of its page."""
    geo.run(settings, "resources", "apply", FOLDER / "resources.yml")


def make_team(founder, name, members=()):
    """Create a team with a record of each kind, whose texts begin with its name; return their ids by resource."""
    team = founder.make("teams", name=name)["id"]
    own = founder.make("memberships", team=team, role="owner")["id"]
    for member in members:
        founder.make("memberships", team=team, user=member.id)
    project = founder.make("projects", team=team, name=f"{name} plan")["id"]
    tag = founder.make("tags", team=team, name=f"{name} tag")["id"]
    task = founder.make("tasks", project=project, title=f"{name} work", tags=[tag], assignee=founder.id)["id"]
    comment = founder.make("comments", task=task, body=f"{name} talk")["id"]
    attachment = founder.make("attachments", task=task, file=upload(founder, b"Dig a pond.", f"{name} note.txt"))["id"]
    return dict(zip(RESOURCES, (team, own, project, tag, task, comment, attachment), strict=True))


class Stage:
    """Two teams and people: alice owns one and is a member of the other, dave was in both, edith is in none."""

    def __init__(self, app, admin):
        for name in ("carol", "dave"):
            account = {"email": f"{name}@example.com", "name": name.title(), "password": PASSWORD}
            assert admin.post("/users", json=account).status_code == 201
        people = ("admin", "alice", "bob", "carol", "dave", "edith")
        self.people = {name: Person(app, name) for name in people} | {"public": Person(app)}
        alice, bob, carol, dave = [self.people[name] for name in ("alice", "bob", "carol", "dave")]
        self.people["key"] = self._key_of(alice, admin, app)
        self.garden = make_team(alice, GARDEN, [carol, dave])
        self.library = make_team(bob, LIBRARY, [alice, dave])
        for owner, team in ((alice, self.garden), (bob, self.library)):
            assert owner.delete(f"/memberships/{self.membership(team, 'dave')}").status_code == 200

    def membership(self, team, name):
        """Return the id of the membership of somebody in a team."""
        query = {"team": team["teams"], "user": self.people[name].id}
        (found,) = self.people["admin"].get("/memberships", query_string=query).json["data"]
        return found["id"]

    def _key_of(self, alice, admin, app):
        """Return a person who sends an API key of alice."""
        assert admin.post("/roles", json={"name": "keeper", "permissions": ["api_keys:write"]}).status_code == 201
        assert admin.patch(f"/users/{alice.id}", json={"roles": ["member", "keeper"]}).status_code == 200
        key = Person(app, "alice")
        key._token = alice.post("/api-keys", json={"name": "Nightly", "roles": ["member"]}).json["data"]["secret"]
        return key
