"""Who may call what: every route of the app, its guard, and what each kind of caller gets.

A new route fails here until it is in the table.
"""

import hashlib
import re
import secrets
from itertools import count

import pytest

from backend.middleware.tokens import issue_tokens
from backend.models.api_key import ApiKey
from backend.models.database import database
from backend.models.delivery import DELIVERED, Delivery
from backend.models.session import Session
from backend.models.user import User
from backend.services.accounts import sessions
from backend.services.operation.jobs import jobs
from tests.conftest import ON_SQLITE, PASSWORD, Person

# `ended` has a token of alice whose session has ended, `off` one of a user who was deactivated since. The record of the
# requests is alice's; bob is another member, edith an editor, audrey's one permission is audit:read. In the last
# columns the same people use an API key that has all their roles. 422 answers a token that no mail has brought: these
# calls need nothing but such a token.
ACTORS = ["public", "ended", "off", "alice", "bob", "edith", "audrey", "ada"]
KEYS = ["alice", "bob", "edith", "audrey", "ada"]

TABLE = """
                                   pub end off ali bob edi aud ada ali bob edi aud ada  what it needs
GET    /                           200 200 200 200 200 200 200 200 200 200 200 200 200  nothing
GET    /account/<name>             200 200 200 200 200 200 200 200 200 200 200 200 200  no guard
GET    /admin                      302 302 302 302 302 302 302 302 302 302 302 302 302  no guard
GET    /admin/                     200 200 200 200 200 200 200 200 200 200 200 200 200  no guard
GET    /admin/<path:path>          200 200 200 200 200 200 200 200 200 200 200 200 200  no guard
GET    /api-keys                   401 401 401 403 403 403 403 200 403 403 403 403 200  api_keys:write
POST   /api-keys                   401 401 401 403 403 403 403 201 403 403 403 403 403  api_keys:write, in a session
DELETE /api-keys/<id>              401 401 401 403 403 403 403 200 403 403 403 403 403  api_keys:write, in a session
GET    /api-keys/<id>              401 401 401 403 403 403 403 200 403 403 403 403 200  api_keys:write
GET    /audit                      401 401 401 403 403 403 200 200 403 403 403 200 200  audit:read
POST   /auth/login                 200 200 200 200 200 200 200 200 200 200 200 200 200  nothing
POST   /auth/logout                401 401 401 200 200 200 200 200 403 403 403 403 403  a session
GET    /auth/me                    401 401 401 200 200 200 200 200 200 200 200 200 200  a sign-in
PATCH  /auth/me                    401 401 401 200 200 200 200 200 403 403 403 403 403  a session
POST   /auth/password              401 401 401 200 200 200 200 200 403 403 403 403 403  a session
POST   /auth/password/forgot       200 200 200 200 200 200 200 200 200 200 200 200 200  nothing
POST   /auth/password/reset        422 422 422 422 422 422 422 422 422 422 422 422 422  nothing
POST   /auth/refresh               401 401 401 401 401 401 401 401 401 401 401 401 401  the refresh token
POST   /auth/register              201 201 201 201 201 201 201 201 201 201 201 201 201  nothing
DELETE /auth/sessions              401 401 401 200 200 200 200 200 403 403 403 403 403  a session
GET    /auth/sessions              401 401 401 200 200 200 200 200 403 403 403 403 403  a session
DELETE /auth/sessions/<id>         401 401 401 200 404 404 404 404 403 403 403 403 403  a session
POST   /auth/verification          422 422 422 422 422 422 422 422 422 422 422 422 422  nothing
POST   /auth/verification/mail     200 200 200 200 200 200 200 200 200 200 200 200 200  nothing
GET    /backups                    401 401 401 403 403 403 403 200 403 403 403 403 200  backups:write
POST   /backups                    401 401 401 403 403 403 403 201 403 403 403 403 201  backups:write
GET    /backups/<name>             401 401 401 403 403 403 403 200 403 403 403 403 200  backups:write
GET    /backups/<name>/file        401 401 401 403 403 403 403 200 403 403 403 403 403  backups:download, in a session
POST   /backups/<name>/verification 401 401 401 403 403 403 403 200 403 403 403 403 200  backups:write
GET    /backups/copies             401 401 401 403 403 403 403 200 403 403 403 403 200  backups:write
POST   /batch                      401 401 401 200 200 200 200 200 200 200 200 200 200  what each operation needs
GET    /changes                    422 401 401 422 422 422 422 422 422 422 422 422 422  grants to list
GET    /changes/stream             422 401 401 422 422 422 422 422 422 422 422 422 422  grants to list
GET    /client.ts                  200 401 401 200 200 200 200 200 200 200 200 200 200  nothing, or a sign-in
GET    /directory                  401 401 401 200 200 200 200 200 200 200 200 200 200  a role that sees the directory
POST   /files                      401 401 401 403 403 403 403 403 403 403 403 403 403  a grant to set a file
GET    /files/<id>                 404 404 404 404 404 404 404 404 404 404 404 404 404  nothing
GET    /invitations                401 401 401 403 403 403 403 200 403 403 403 403 200  users:read
POST   /invitations                401 401 401 403 403 403 403 201 403 403 403 403 201  users:write
DELETE /invitations/<id>           401 401 401 403 403 403 403 200 403 403 403 403 200  users:write
POST   /invitations/acceptance     422 422 422 422 422 422 422 422 422 422 422 422 422  nothing
GET    /jobs                       401 401 401 403 403 403 403 200 403 403 403 403 200  system:read
POST   /jobs/<name>/runs           401 401 401 403 403 403 403 202 403 403 403 403 202  system:write
GET    /mails                      401 401 401 403 403 403 403 200 403 403 403 403 200  users:read
POST   /mails/<id>/attempts        401 401 401 403 403 403 403 200 403 403 403 403 200  users:write
GET    /notes                      200 401 401 200 200 200 200 200 200 200 200 200 200  a grant to list
POST   /notes                      401 401 401 201 201 201 201 201 201 201 201 201 201  a grant to create
DELETE /notes/<id>                 401 401 401 200 404 200 404 200 200 404 200 404 200  a grant to delete
GET    /notes/<id>                 401 401 401 200 404 200 404 200 200 404 200 404 200  a grant to read
PATCH  /notes/<id>                 401 401 401 200 404 403 404 200 200 404 403 404 200  a grant to update
PUT    /notes/<id>                 401 401 401 200 404 403 404 200 200 404 403 404 200  a grant to update
GET    /notes/<id>/history         401 401 401 200 404 200 404 200 200 404 200 404 200  a grant to read
GET    /notes/aggregate            200 401 401 200 200 200 200 200 200 200 200 200 200  a grant to list
GET    /notes/export               200 401 401 200 200 200 200 200 200 200 200 200 200  a grant to list
POST   /notes/import               401 401 401 200 200 200 200 200 200 200 200 200 200  a grant to create or update
GET    /resources                  401 401 401 403 403 403 403 200 403 403 403 403 200  resources:read
POST   /resources                  401 401 401 403 403 403 403 201 403 403 403 403 201  resources:write
DELETE /resources/<name>           401 401 401 403 403 403 403 200 403 403 403 403 200  resources:write
GET    /resources/<name>           401 401 401 403 403 403 403 200 403 403 403 403 200  resources:read
PUT    /resources/<name>           401 401 401 403 403 403 403 200 403 403 403 403 200  resources:write
POST   /resources/<name>/plan      401 401 401 403 403 403 403 200 403 403 403 403 200  resources:write
GET    /resources/<name>/versions  401 401 401 403 403 403 403 200 403 403 403 403 200  resources:read
GET    /resources/<name>/versions/<version> 401 401 401 403 403 403 403 200 403 403 403 403 200  resources:read
POST   /resources/plan             401 401 401 403 403 403 403 200 403 403 403 403 200  resources:write
POST   /resources/proposal         401 401 401 403 403 403 403 200 403 403 403 403 200  resources:write
GET    /roles                      401 401 401 403 403 403 403 200 403 403 403 403 200  users:read or roles:write
POST   /roles                      401 401 401 403 403 403 403 201 403 403 403 403 201  roles:write
DELETE /roles/<name>               401 401 401 403 403 403 403 200 403 403 403 403 200  roles:write
GET    /roles/<name>               401 401 401 403 403 403 403 200 403 403 403 403 200  users:read or roles:write
PUT    /roles/<name>               401 401 401 403 403 403 403 200 403 403 403 403 200  roles:write
GET    /schema                     200 401 401 200 200 200 200 200 200 200 200 200 200  nothing, or a sign-in
GET    /users                      401 401 401 403 403 403 403 200 403 403 403 403 200  users:read
POST   /users                      401 401 401 403 403 403 403 201 403 403 403 403 201  users:write
DELETE /users/<id>                 401 401 401 403 403 403 403 200 403 403 403 403 200  users:write
GET    /users/<id>                 401 401 401 403 403 403 403 200 403 403 403 403 200  users:read
PATCH  /users/<id>                 401 401 401 403 403 403 403 200 403 403 403 403 200  users:write
PUT    /users/<id>                 401 401 401 403 403 403 403 200 403 403 403 403 200  users:write
DELETE /users/<id>/sessions        401 401 401 403 403 403 403 200 403 403 403 403 200  users:write
GET    /users/<id>/sessions        401 401 401 403 403 403 403 200 403 403 403 403 200  users:write
DELETE /users/<id>/sessions/<id>   401 401 401 403 403 403 403 200 403 403 403 403 200  users:write
POST   /users/services             401 401 401 403 403 403 403 201 403 403 403 403 201  users:write
GET    /users/settings             401 401 401 403 403 403 403 200 403 403 403 403 200  users:read or resources:read
PUT    /users/settings             401 401 401 403 403 403 403 200 403 403 403 403 200  resources:write
GET    /webhooks                   401 401 401 403 403 403 403 200 403 403 403 403 200  webhooks:write
POST   /webhooks                   401 401 401 403 403 403 403 201 403 403 403 403 403  webhooks:write, in a session
DELETE /webhooks/<id>              401 401 401 403 403 403 403 200 403 403 403 403 200  webhooks:write
GET    /webhooks/<id>              401 401 401 403 403 403 403 200 403 403 403 403 200  webhooks:write
PATCH  /webhooks/<id>              401 401 401 403 403 403 403 200 403 403 403 403 403  webhooks:write, in a session
GET    /webhooks/<id>/deliveries   401 401 401 403 403 403 403 200 403 403 403 403 200  webhooks:write
GET    /webhooks/<id>/deliveries/<id> 401 401 401 403 403 403 403 200 403 403 403 403 200  webhooks:write
POST   /webhooks/<id>/deliveries/<id>/redelivery 401 401 401 403 403 403 403 202 403 403 403 403 202  webhooks:write
POST   /webhooks/<id>/redelivery   401 401 401 403 403 403 403 202 403 403 403 403 202  webhooks:write
POST   /webhooks/<id>/replay       401 401 401 403 403 403 403 202 403 403 403 403 202  webhooks:write
POST   /webhooks/<id>/secret       401 401 401 403 403 403 403 201 403 403 403 403 403  webhooks:write, in a session
POST   /webhooks/<id>/test         401 401 401 403 403 403 403 202 403 403 403 403 202  webhooks:write
GET    /assets/<version>/<path:path> 200 200 200 200 200 200 200 200 200 200 200 200 200  no guard
GET    /docs                       200 200 200 200 200 200 200 200 200 200 200 200 200  no guard
GET    /docs/                      200 200 200 200 200 200 200 200 200 200 200 200 200  no guard
GET    /docs/<path:path>           200 200 200 200 200 200 200 200 200 200 200 200 200  no guard
GET    /health/checks              401 401 401 403 403 403 403 200 403 403 403 403 200  system:read
GET    /health/figures             401 401 401 403 403 403 403 200 403 403 403 403 200  system:read
GET    /health/live                200 200 200 200 200 200 200 200 200 200 200 200 200  nothing
GET    /health/ready               200 200 200 200 200 200 200 200 200 200 200 200 200  nothing
GET    /metrics                    200 200 200 200 200 200 200 200 200 200 200 200 200  no guard
GET    /openapi.json               200 200 200 200 200 200 200 200 200 200 200 200 200  no guard
"""

NOTES = {
    "fields": {"title": {"type": "string"}},
    "history": True,
    "feed": True,
    "access": {
        "list": ["public"],
        "read": ["owner", "editor"],
        "create": ["member"],
        "update": ["owner"],
        "delete": ["owner", "editor"],
    },
}
HOOK = {"name": "Hook", "url": "https://example.com/", "resources": ["notes"], "roles": ["member"]}
FILES = {
    "/api/v1/files/<uuid:file_id>": "/api/v1/files/00000000-0000-7000-8000-000000000000",
    "/docs/<path:path>": "/docs/swagger-ui.css",
    "/account/<name>": "/account/reset",
    "/admin/<path:path>": "/admin/users",
    "/assets/<version>/<path:path>": "/assets/1/main.js",
    "/api/v1/resources/<name>/versions/<int(min=1, max=2147483647):version>": "/api/v1/resources/notes/versions/1",
}
MORE_PEOPLE = {"ada": ["admin"], "audrey": ["auditor"], "off": []}

_numbers = count(1)


@pytest.fixture
def authorize(app, admin):
    """A function that returns the headers with which a caller signs in."""
    admin.declare("notes", **NOTES)
    admin.post("/roles", json={"name": "auditor", "permissions": ["audit:read"]})
    for name, roles in MORE_PEOPLE.items():
        account = {"email": f"{name}@example.com", "name": name, "password": PASSWORD, "roles": roles}
        assert admin.post("/users", json=account).status_code == 201

    def headers(name, *, key=False):
        if name == "public":
            return {}
        with app.app_context(), database.connection_context():
            user = User.by_email(f"{'alice' if name == 'ended' else name}@example.com")
            secret = _make_key(user) if key else _start_session(app, user, ended=name == "ended")
            if name == "off":
                User.update(active=False).where(User.id == user.id).execute()
        return {"Authorization": f"Bearer {secret}"}

    return headers


def _start_session(app, user, *, ended):
    session = sessions.start_session(app.settings, user, user_agent="", address="")
    if ended:
        Session.update(ended_at=session.created_at).where(Session.id == session.id).execute()
    return issue_tokens(session)["access_token"]


def _make_key(user):
    secret = "ldr_" + secrets.token_urlsafe(32)
    digest = hashlib.sha256(secret.encode()).hexdigest()
    ApiKey.create(user_id=user.id, name="key", hint=secret[:8], key_hash=digest, roles=user.roles())
    return secret


def routes(app):
    """Return (rule, method, guard) of every route, sorted."""
    own = [(rule, app.view_functions[rule.endpoint]) for rule in app.url_map.iter_rules()]
    routes = [app.routes_of(resource) for resource in (*app.catalog.values(), app.catalog.people)]
    of_resources = [(rule, rule.view) for each in routes for rule in each.url_map.iter_rules()]
    return sorted(
        (rule.rule, method, guard_name(view))
        for rule, view in own + of_resources
        for method in rule.methods - {"HEAD", "OPTIONS"}
    )


def guard_name(view):
    """Return what a view's guard needs; only the pages of the documentation have none."""
    return view._guard.needs if hasattr(view, "_guard") else "no guard"


class Things:
    """Makes what a request is about, new for each: `things.path(rule)` fills in the ids of a path."""

    def __init__(self, app, admin):
        self.app, self.admin = app, admin

    def path(self, rule, method):
        """Return the path of a rule."""
        if "<" not in rule:
            return rule
        if rule in FILES:
            return FILES[rule]
        if "/users/" in rule and rule.endswith("/<uuid:session_id>"):
            alice = Person(self.app, "alice")
            return f"/api/v1/users/{alice.id}/sessions/{self.make('sessions', method)}"
        if "/<uuid:delivery_id>" in rule:
            webhook = self.make("webhooks", method)
            with database.connection_context():
                delivery = Delivery.create(webhook_id=webhook, state=DELIVERED)
            return rule.replace("<uuid:webhook_id>", webhook).replace("<uuid:delivery_id>", delivery.id)
        start, _, rest = rule.partition("<")
        return start + self.make(start.split("/")[-2], method) + rest.partition(">")[2]

    def make(self, noun, method):
        """Return the id or the name of a new thing."""
        number = next(_numbers)
        if noun == "notes":
            return Person(self.app, "alice").make("notes", title="mine")["id"]
        if noun == "sessions":
            return next(each["id"] for each in Person(self.app, "alice").get("/auth/sessions").json["data"])
        if noun == "backups":
            kept = self.admin.get("/backups").json["data"] or [self.admin.post("/backups").json["data"]]
            return kept[0]["name"]
        if noun == "webhooks" and method != "DELETE" and (kept := self.admin.get("/webhooks").json["data"]):
            Delivery.delete().execute()  # a second test is refused
            return kept[0]["id"]
        if noun == "jobs":
            jobs._huey.storage.flush_queue()  # one that is queued already is refused
            return "clean_up"
        if noun == "mails":
            self.admin.post("/auth/password/forgot", json={"email": "alice@example.com"})
            return self.admin.get("/mails?state=waiting&per_page=1").json["data"][0]["id"]
        if noun == "resources":
            return self.admin.declare(f"shelf{number}", **NOTES)["name"] if method == "DELETE" else "notes"
        answer = self.admin.post(f"/{noun}", json=self.body(f"/api/v1/{noun}", number))
        assert answer.status_code == 201, f"No valid body for {noun} in Things.body: {answer.json}"
        return answer.json["data"]["name" if noun == "roles" else "id"]

    def body(self, rule, number=None):
        """Return a body that the route takes."""
        number = number or next(_numbers)
        noun = rule.removeprefix("/api/v1/").partition("/<")[0]
        if rule.endswith("/replay"):
            return {"after": self.admin.get("/changes?resource=notes").json["meta"]["next_cursor"]}
        person = {"email": f"person{number}@example.com", "name": "Person"}
        return {
            "auth/login": {"email": "alice@example.com", "password": PASSWORD},
            "auth/register": person | {"password": PASSWORD},
            "auth/password": {"current_password": PASSWORD, "new_password": PASSWORD},
            "auth/password/forgot": {"email": "alice@example.com"},
            "auth/password/reset": {"token": "nobody's", "new_password": PASSWORD},
            "auth/verification": {"token": "nobody's"},
            "auth/verification/mail": {"email": "alice@example.com"},
            "auth/me": {"name": "Somebody"},
            "api-keys": {"name": "Key", "roles": ["member"]},
            "invitations": {"email": person["email"]},
            "invitations/acceptance": {"token": "nobody's", "password": PASSWORD, "name": "Person"},
            "webhooks": {"name": "Renamed"} if "<" in rule else HOOK,
            "notes": {"title": "Changed"},
            "notes/import": "title\nOne of many\n",
            "resources/plan": NOTES | {"name": f"shelf{number}"},
            "resources/proposal": "title\nOne of many\n",
            "batch": {"operations": [{"op": "create", "resource": "notes", "data": {"title": "One of many"}}]},
            "users/settings": {"fields": {}},
            "users/services": {"name": f"Service {number}"},
            "resources": NOTES | ({} if "<" in rule else {"name": f"shelf{number}"}),
            "roles": {"permissions": []} | ({} if "<" in rule else {"name": f"role{number}"}),
            "users": {"fields": {}} if rule.endswith("/settings") else person | {"password": PASSWORD},
        }.get(noun)


@ON_SQLITE
def test_every_caller_gets_what_the_table_says(app, authorize, admin):
    things, lines = Things(app, admin), []
    for rule, method, guard in routes(app):
        statuses = []
        for name, key in [(name, False) for name in ACTORS] + [(name, True) for name in KEYS]:
            path, body = things.path(rule, method), things.body(rule) if method != "GET" else None
            sent = {"data": body, "content_type": "text/csv"} if isinstance(body, str) else {"json": body}
            answer = app.test_client().open(path, method=method, headers=authorize(name, key=key), **sent)
            statuses.append(answer.status_code)
            answer.close()
            if name == "off":
                User.update(active=True).where(User.email == "off@example.com").execute()
        lines.append(row(method, rule, statuses, guard))
    assert lines == TABLE.splitlines()[2:]


def row(method, rule, statuses, guard):
    """Return the line of a route as the table has it."""
    path = re.sub("<uuid:[a-z_]+>", "<id>", re.sub(r"<int\([^)]*\):", "<", rule.removeprefix("/api/v1")))
    return f"{method:6} {path:27} {' '.join(map(str, statuses))}  {guard.removeprefix('permission ')}"
