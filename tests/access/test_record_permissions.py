"""The permissions `records:read` and `records:write`: what they open in every resource, and what stays closed."""

import pytest

from tests.conftest import PASSWORD, Person
from tests.helpers import bearer
from tests.parts.changes import Follower

FIELDS = {
    "title": {"type": "string"},
    "salary": {"type": "integer", "readable_by": ["editor"]},
    "rating": {"type": "integer", "writable_by": ["editor"]},
    "author": {"type": "reference", "to": "users", "default": "$user.id"},
}
OWNERS = {action: ["owner"] for action in ("list", "read", "update", "delete")}
# A public rule with a value of the user, which a key with permissions alone does not meet.
RULED = {"read": ["public"], "update": [{"role": "public", "where": {"created_by": "$user.id"}}]}

# Of the notes with no grant, and of the diaries of which owners have every grant. Those of the caller are theirs.
TABLE = """
                       list  read  create  update  delete
records:read           200   200   403     403     403     notes
records:read           200   200   403     403     403     diaries
records:read           200   200   403     403     403     diaries of the caller
records:write          403   403   201     404     404     notes
records:write          403   403   201     404     404     diaries of the caller
both                   200   200   201     200     200     notes
both                   200   200   201     200     200     diaries
role with records:read 200   200   403     403     403     notes
role with records:read 200   200   403     200     200     diaries of the caller
member                 403   403   403     403     403     notes
member                 200   200   201     200     200     diaries of the caller
"""


class Key(Person):
    """A program with an API key."""

    def __init__(self, app, secret):
        super().__init__(app)
        self.secret = secret

    def send(self, method, path, **options):
        return super().send(method, path, headers={**bearer(self.secret), **options.pop("headers", {})}, **options)


@pytest.fixture
def keys(app, admin):
    """Callers by name; the keys belong to the admin."""

    def key(**values):
        answer = admin.post("/api-keys", json={"name": "K"} | values)
        assert answer.status_code == 201, answer.json
        return Key(app, answer.json["data"]["secret"])

    admin.post("/roles", json={"name": "reader", "permissions": ["records:read"]})
    return {
        "records:read": key(permissions=["records:read"]),
        "records:write": key(permissions=["records:write"]),
        "both": key(permissions=["records:read", "records:write"]),
        "role with records:read": key(roles=["reader"]),
        "member": key(roles=["member"]),
    }


def declare(admin):
    """Declare the resources after the keys were made: the permissions are for future ones, too."""
    admin.declare("notes", FIELDS, history=True, feed=True)
    admin.declare("diaries", {"title": {"type": "string"}}, access={**OWNERS, "create": ["member"]})


def try_all(caller, noun, record_id):
    """Return the statuses of each action."""
    listed = caller.get(f"/{noun}")
    if listed.status_code == 200:
        assert record_id in [each["id"] for each in listed.json["data"]]
    answers = [
        listed,
        caller.get(f"/{noun}/{record_id}"),
        caller.post(f"/{noun}", json={"title": "New"}),
        caller.patch(f"/{noun}/{record_id}", json={"title": "Changed"}),
        caller.delete(f"/{noun}/{record_id}"),
    ]
    return [answer.status_code for answer in answers]


def test_every_caller_may_do_what_the_table_says(admin, alice, keys):
    declare(admin)
    lines = []
    for line in TABLE.splitlines()[2:]:
        name, what = line[:22].strip(), line[58:].strip()
        noun, _, mine = what.partition(" of ")
        owner = alice if noun == "diaries" and not mine else admin
        statuses = try_all(keys[name], noun, owner.make(noun, title="A")["id"])
        lines.append(
            f"{name:22} "
            + "".join(f"{status:<6}" if i < 2 else f"{status:<8}" for i, status in enumerate(statuses))
            + what
        )
    assert lines == TABLE.splitlines()[2:]


def test_fields_of_some_roles_stay_theirs(admin, keys):
    declare(admin)
    note = admin.make("notes", title="A", salary=7, rating=1)
    both = keys["both"]
    assert "salary" not in both.get(f"/notes/{note['id']}").json["data"]
    assert "salary" not in both.get("/notes/export?format=ndjson").text
    assert both.get("/notes?salary=7").status_code == 422
    assert both.get("/notes/aggregate?sum=salary").status_code == 422
    assert both.patch(f"/notes/{note['id']}", json={"rating": 5}).status_code == 422
    assert "salary" not in both.get(f"/notes/{note['id']}/history").text
    made = both.make("notes", title="B")
    assert made["author"] == made["created_by"] == admin.id


def test_the_permissions_count_on_every_path(admin, alice, keys):
    declare(admin)
    admin.declare("pages", {"note": {"type": "reference", "to": "notes"}})
    note = admin.make("notes", title="A")
    admin.make("pages", note=note["id"])
    reader, writer, member = keys["records:read"], keys["records:write"], keys["member"]
    assert reader.get("/pages?expand=note").json["data"][0]["expand"]["note"]["title"] == "A"
    assert reader.get('/pages?where={"note.title":"A"}').json["meta"]["total"] == 1
    assert reader.get("/notes/aggregate").json["data"] == [{"count": 1}]
    follower = Follower(reader, data="true")
    admin.patch(f"/notes/{note['id']}", json={"title": "A", "salary": 8})
    admin.delete(f"/notes/{admin.make('notes', title='B')['id']}")
    changes = follower.read(3)
    assert [(each["action"], each["fields"]) for each in changes] == [
        ("update", ["title"]),
        ("create", []),
        ("delete", []),
    ]
    assert "salary" not in str(changes)
    assert [each.get("/changes?resource=notes").status_code for each in (writer, member)] == [403, 403]
    body = {"operations": [{"op": "create", "resource": "notes", "data": {"title": "B"}}]}
    assert [each.post("/batch", json=body).status_code for each in (reader, writer, member)] == [403, 200, 403]
    calls = [each.post("/notes/import", data="title\nC\n", content_type="text/csv") for each in (reader, writer)]
    assert [call.status_code for call in calls] == [403, 200]
    paths = reader.get("http://localhost/openapi.json").json["paths"]
    assert {"/api/v1/notes", "/api/v1/pages", "/api/v1/diaries"} < set(paths)
    assert "/api/v1/notes" not in member.get("http://localhost/openapi.json").json["paths"]
    assert reader.get("/directory").status_code == 403
    for path in ("/users", "/resources", "/audit", "/api-keys", "/backups", "/roles"):
        assert reader.get(path).status_code == 403, path


def test_a_key_without_roles_meets_no_rule_with_values_of_its_user(admin, keys):
    admin.declare("posts", {"title": {"type": "string"}}, access=RULED)
    post = admin.make("posts", title="A")
    path, body = f"/posts/{post['id']}", {"title": "B"}
    statuses = {name: key.patch(path, json=body).status_code for name, key in keys.items()}
    assert statuses == {
        "records:read": 403,
        "records:write": 200,
        "both": 200,
        "role with records:read": 200,
        "member": 200,
    }


def test_a_role_gains_and_loses_the_permissions_at_once(app, admin):
    declare(admin)
    admin.post("/roles", json={"name": "auditor"})
    account = {"email": "audrey@example.com", "name": "A", "password": PASSWORD, "roles": ["auditor"]}
    assert admin.post("/users", json=account).status_code == 201
    audrey = Person(app, "audrey")
    assert audrey.get("/notes").status_code == 403
    for permissions, status in ((["records:read"], 200), (["records:write"], 403), (["records:read"], 200), ([], 403)):
        assert admin.put("/roles/auditor", json={"permissions": permissions}).status_code == 200
        assert audrey.get("/notes").status_code == status
    assert audrey.get("/auth/me").json["data"]["permissions"] == []


def test_nobody_gives_permissions_for_records_that_they_lack(app, admin):
    declare(admin)
    admin.post("/roles", json={"name": "maker", "permissions": ["api_keys:write", "roles:write"]})
    account = {"email": "maker@example.com", "name": "M", "password": PASSWORD, "roles": ["maker"]}
    admin.post("/users", json=account)
    maker = Person(app, "maker")
    key = {"name": "K", "permissions": ["records:read"]}
    assert maker.post("/api-keys", json=key).status_code == 403
    assert maker.post("/roles", json={"name": "mine", "permissions": ["records:write"]}).status_code == 403
    assert maker.get("/api-keys").json["data"] == []
    permissions = ["api_keys:write", "records:read", "roles:write"]
    admin.put("/roles/maker", json={"permissions": permissions})
    made = maker.post("/api-keys", json=key).json["data"]
    program = Key(app, made["secret"])
    assert program.get("/notes").status_code == 200
    me = program.get("/auth/me").json["data"]
    assert (me["permissions"], me["roles"], me["email"], me["name"]) == (["records:read"], [], None, "M")
    assert me["api_key"] == {name: made[name] for name in ("id", "name", "hint", "expires_at")}
    assert maker.get("/auth/me").json["data"]["permissions"] == permissions
    admin.put("/roles/maker", json={"permissions": ["api_keys:write"]})
    assert program.get("/notes").status_code == 403
