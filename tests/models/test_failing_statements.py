"""Every statement of every call fails once: all or nothing is done, the answer is named, and nothing is left over."""

import gc
import json
import os
from dataclasses import replace
from functools import partial
from itertools import count
from uuid import uuid4

import pytest

from backend import create_app
from backend.models.database import database
from backend.models.file import File
from backend.models.invitation import Invitation
from backend.models.user import User
from backend.services.accounts import mail_tokens, sessions
from backend.services.files.storage import storage
from backend.services.operation.jobs import jobs
from tests.conftest import NEW_PASSWORD, PASSWORD, Person
from tests.helpers import OPEN, assert_failure
from tests.parts import both_ways
from tests.parts.failing_statements import (
    TEMPORARY,
    UNEXPECTED,
    assert_nothing_is_left,
    failing,
    injection,
    losing_commits,
    side,
    wired,
)

# With FAIL_ALL each statement fails in every way; otherwise they take turns.
IN_EVERY_WAY = bool(os.environ.get("FAIL_ALL"))
SHELVES = {
    "fields": {"code": {"type": "string", "unique": True}, "photo": {"type": "file"}},
    "feed": True,
    "access": OPEN,
}
BOOKS = {
    "fields": {
        "title": {"type": "string", "required": True, "max_length": 100},
        "price": {"type": "decimal"},
        "shelf": {"type": "reference", "to": "shelves", "on_delete": "cascade"},
        "sequel_of": {"type": "reference", "to": "books", "on_delete": "set_null"},
        "owner_note": {"type": "string", "readable_by": ["editor"]},
    },
    "search": ["title"],
    "history": True,
    "access": OPEN,
}


@pytest.fixture(autouse=True)
def one_way(monkeypatch):
    """Read each record once: a second read would meet the next failure."""
    monkeypatch.setattr(both_ways, "IS_ON", False)


class Cast:
    """People who are signed in, and what they work with."""

    def __init__(self, app):
        self.app, self.numbers = app, count(1)
        self.admin, self.alice, self.bob = (Person(app, name) for name in ("admin", "alice", "bob"))
        self.stranger = Person(app)
        self.admin.declare("shelves", **SHELVES)
        self.admin.declare("books", **BOOKS)
        self.shelf = self.alice.make("shelves", code="A1")
        self.book = self.alice.make("books", title="Emma", price="1.50", shelf=self.shelf["id"])
        self.ids = {person.name: person.id for person in (self.alice, self.bob)}

    def email(self):
        """Return an address that nobody has."""
        return f"nobody{next(self.numbers)}@example.com"

    def name(self, kind):
        """Return a name that nothing has."""
        return f"{kind}{next(self.numbers)}"

    def make_user(self, **values):
        """Return the data of a new user."""
        data = {"email": self.email(), "name": "Carol", "password": PASSWORD, **values}
        answer = self.admin.post("/users", json=data)
        assert answer.status_code == 201, answer.json
        return answer.json["data"]

    def signed_in(self):
        """Return a new Person with an account of their own."""
        person = Person(self.app, "carol")
        person.email = self.make_user()["email"]
        assert person.token
        return person


@pytest.fixture
def cast(settings):
    """The people at an app that can send mail, with statements that can be made to fail."""
    app = create_app(replace(settings, smtp_url="smtp://127.0.0.1:1"))
    with wired(database.obj):
        yield Cast(app)
    database.close_all()


# What is prepared for a call, and the call.


def register(cast):
    return partial(
        cast.stranger.post, "/auth/register", json={"email": cast.email(), "password": PASSWORD, "name": "Carol"}
    )


def register_again(cast):
    person = {"email": cast.alice.email, "password": PASSWORD, "name": "Carol"}
    return partial(cast.stranger.post, "/auth/register", json=person)


def login(cast):
    return partial(cast.stranger.post, "/auth/login", json={"email": cast.alice.email, "password": PASSWORD})


def refresh(cast):
    token = cast.alice.sign_in()["refresh_token"]
    return partial(cast.stranger.post, "/auth/refresh", headers={"Authorization": f"Bearer {token}"})


def logout(cast):
    return partial(cast.signed_in().post, "/auth/logout")


def change_profile(cast):
    return partial(cast.alice.patch, "/auth/me", json={"name": cast.name("Alice")})


def change_password(cast):
    person = cast.signed_in()
    data = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    return partial(person.post, "/auth/password", json=data)


def end_session(cast):
    person = cast.signed_in()
    person.sign_in()
    (other,) = [each["id"] for each in person.get("/auth/sessions").json["data"] if not each["current"]]
    return partial(person.delete, f"/auth/sessions/{other}")


def end_other_sessions(cast):
    person = cast.signed_in()
    person.sign_in()
    return partial(person.delete, "/auth/sessions")


def end_user_session(cast):
    user_id = cast.make_user()["id"]
    with database.connection_context():
        session = sessions.start_session(cast.app.settings, User.get_by_id(user_id), user_agent="", address="")
    return partial(cast.admin.delete, f"/users/{user_id}/sessions/{session.id}")


def end_user_sessions(cast):
    return partial(cast.admin.delete, f"/users/{cast.make_user()['id']}/sessions")


def list_user_sessions(cast):
    return partial(cast.admin.get, f"/users/{cast.alice.id}/sessions")


def forget_password(cast):
    return partial(cast.stranger.post, "/auth/password/forgot", json={"email": cast.alice.email})


def reset_password(cast):
    token = mailed_token(cast, cast.make_user()["id"], "reset")
    return partial(cast.stranger.post, "/auth/password/reset", json={"token": token, "new_password": NEW_PASSWORD})


def ask_for_verification(cast):
    email = cast.email()
    cast.stranger.post("/auth/register", json={"email": email, "password": PASSWORD, "name": "Carol"})
    return partial(cast.stranger.post, "/auth/verification/mail", json={"email": email})


def verify(cast):
    email = cast.email()
    cast.stranger.post("/auth/register", json={"email": email, "password": PASSWORD, "name": "Carol"})
    with database.connection_context():
        user_id = User.by_email(email).id
    token = mailed_token(cast, user_id, "verification")
    return partial(cast.stranger.post, "/auth/verification", json={"token": token})


def mailed_token(cast, user_id, purpose):
    with database.connection_context():
        return mail_tokens.make_token(cast.app.settings, User.get_by_id(user_id), purpose).token


def invite(cast):
    return partial(cast.admin.post, "/invitations", json={"email": cast.email(), "roles": ["editor"]})


def retry_mail(cast):
    invite(cast)()
    mail = cast.admin.get("/mails?state=waiting&per_page=1").json["data"][0]
    return partial(cast.admin.post, f"/mails/{mail['id']}/attempts")


def run_job(cast):
    jobs._huey.storage.flush_queue()  # one that is queued already is refused
    return partial(cast.admin.post, "/jobs/clean_up/runs")


def withdraw_invitation(cast):
    made = invite(cast)().json["data"]
    return partial(cast.admin.delete, f"/invitations/{made['id']}")


def accept_invitation(cast):
    made = invite(cast)().json["data"]
    with database.connection_context():
        token = mail_tokens.renew_invitation(Invitation.get_by_id(made["id"])).token
    return partial(
        cast.stranger.post, "/invitations/acceptance", json={"token": token, "password": PASSWORD, "name": "Carol"}
    )


def create_user(cast):
    data = {"email": cast.email(), "name": "Carol", "password": PASSWORD, "roles": ["editor"]}
    return partial(cast.admin.post, "/users", json=data)


def create_service(cast):
    return partial(cast.admin.post, "/users/services", json={"name": cast.name("robot"), "roles": ["editor"]})


def replace_user(cast):
    user = cast.make_user()
    return partial(cast.admin.put, f"/users/{user['id']}", json={"email": cast.email(), "name": "X", "roles": []})


def change_user(cast):
    user = cast.make_user()
    data = {"password": NEW_PASSWORD, "roles": ["editor"], "active": False}
    return partial(cast.admin.patch, f"/users/{user['id']}", json=data)


def delete_user(cast):
    person = cast.signed_in()
    made = person.make("books", title="Mine")
    person.post("/api-keys", json={"name": "mine", "roles": ["member"]})
    assert made.get("owner", True)
    return partial(cast.admin.delete, f"/users/{person.id}")


def replace_user_settings(cast):
    return partial(cast.admin.put, "/users/settings", json={"fields": {cast.name("team"): {"type": "string"}}})


def create_role(cast):
    return partial(cast.admin.post, "/roles", json=role(cast.name("role")))


def replace_role(cast):
    made = make_role(cast)
    return partial(cast.admin.put, f"/roles/{made}", json={"description": "New", "permissions": ["users:read"]})


def delete_role(cast):
    made = make_role(cast)
    return partial(cast.admin.delete, f"/roles/{made}")


def role(name):
    return {"name": name, "description": "", "permissions": ["resources:read"]}


def make_role(cast):
    name = cast.name("role")
    assert cast.admin.post("/roles", json=role(name)).status_code == 201
    return name


def create_key(cast):
    return partial(cast.admin.post, "/api-keys", json={"name": "mine", "roles": ["editor"]})


def revoke_key(cast):
    return partial(cast.admin.delete, f"/api-keys/{make_key(cast)['id']}")


def use_key(cast):
    return partial(cast.stranger.get, "/books", headers={"Authorization": f"Bearer {make_key(cast)['secret']}"})


def write_with_key(cast):
    key = {"Authorization": f"Bearer {make_key(cast)['secret']}"}
    return partial(cast.stranger.post, "/shelves", json={"code": cast.name("code")}, headers=key)


def make_key(cast):
    return cast.admin.post("/api-keys", json={"name": "mine", "roles": ["admin"]}).json["data"]


def create_webhook(cast):
    return partial(cast.admin.post, "/webhooks", json=hook(cast))


def change_webhook(cast):
    return partial(cast.admin.patch, make_webhook(cast), json={"name": "yours", "roles": ["member"]})


def delete_webhook(cast):
    return partial(cast.admin.delete, make_webhook(cast))


def rotate_secret(cast):
    return partial(cast.admin.post, f"{make_webhook(cast)}/secret")


def replay_webhook(cast):
    cursor = cast.admin.get("/changes?resource=shelves").json["meta"]["next_cursor"]
    return partial(cast.admin.post, f"{make_webhook(cast)}/replay", json={"after": cursor})


def send_test(cast):
    return partial(cast.admin.post, f"{make_webhook(cast)}/test")


def redeliver(cast):
    path = make_webhook(cast)
    delivery = cast.admin.post(f"{path}/test").json["data"]["id"]
    return partial(cast.admin.post, f"{path}/deliveries/{delivery}/redelivery")


def redeliver_all(cast):
    return partial(cast.admin.post, f"{make_webhook(cast)}/redelivery")


def hook(cast):
    return {"name": cast.name("hook"), "url": "https://example.com/", "resources": ["shelves"], "roles": ["member"]}


def make_webhook(cast):
    """Return the path of a new webhook."""
    for webhook in cast.admin.get("/webhooks").json["data"]:
        cast.admin.delete(f"/webhooks/{webhook['id']}")
    return f"/webhooks/{cast.admin.post('/webhooks', json=hook(cast)).json['data']['id']}"


def be_refused(cast):
    return partial(cast.bob.get, "/users")


def list_users(cast):
    return partial(cast.admin.get, "/users?email__contains=example")


def list_audit(cast):
    return partial(cast.admin.get, "/audit?sort=-created_at")


def create_resource(cast):
    things = definition(2)
    del things["fields"]["name"]["renamed_from"]
    return partial(cast.admin.post, "/resources", json={"name": cast.name("things"), **things})


def definition(version):
    """Return one of two definitions; between them one field is renamed, one is converted and one is dropped."""
    if version == 1:
        fields = {"title": {"type": "string"}, "stars": {"type": "string"}, "old": {"type": "string"}}
        return {"fields": fields, "search": ["title"], "access": OPEN}
    fields = {
        "name": {"type": "string", "renamed_from": "title", "required": True, "default": "none"},
        "stars": {"type": "integer"},
        "book": {"type": "reference", "to": "books"},
    }
    return {"fields": fields, "search": ["name"], "indexes": [["stars", "name"]], "history": True, "access": OPEN}


def make_resource(cast):
    name = cast.name("things")
    cast.admin.declare(name, **definition(1))
    cast.alice.make(name, title="Milk", stars="3", old="x")
    return name


def replace_resource(cast):
    name = make_resource(cast)
    plan = cast.admin.post(f"/resources/{name}/plan", json={"name": name, **definition(2)})
    confirm = plan.json["data"]["fingerprint"]
    return partial(cast.admin.put, f"/resources/{name}?confirm={confirm}", json={"name": name, **definition(2)})


def rename_resource(cast):
    former, name = make_resource(cast), cast.name("renamed")
    data = {"name": name, "renamed_from": [former], **definition(1)}
    return partial(cast.admin.put, f"/resources/{former}", json=data)


def plan_resource(cast):
    name = make_resource(cast)
    return partial(cast.admin.post, f"/resources/{name}/plan", json={"name": name, **definition(2)})


def plan_new_resource(cast):
    return partial(cast.admin.post, "/resources/plan", json={"name": cast.name("things"), **definition(1)})


def delete_resource(cast):
    return partial(cast.admin.delete, f"/resources/{make_resource(cast)}?confirm=true")


def create_record(cast):
    data = {"title": "Emma", "shelf": cast.shelf["id"], "sequel_of": cast.book["id"]}
    return partial(cast.alice.post, "/books", json=data)


def create_record_once(cast):
    key = {"Idempotency-Key": uuid4().hex}
    return partial(cast.alice.post, "/books", json={"title": "Emma"}, headers=key)


def replace_record(cast):
    data = {"title": cast.name("Emma"), "price": "2.50"}
    return partial(cast.alice.put, f"/books/{cast.book['id']}", json=data)


def change_record(cast):
    data = {"title": cast.name("Emma"), "shelf": cast.shelf["id"]}
    return partial(cast.alice.patch, f"/books/{cast.book['id']}", json=data)


def upsert_new(cast):
    return partial(cast.alice.post, "/shelves?upsert=code", json={"code": cast.name("code")})


def upsert_stored(cast):
    shelf = cast.alice.make("shelves", code=cast.name("code"))
    return partial(cast.alice.post, "/shelves?upsert=code", json={"code": shelf["code"]})


def delete_record(cast):
    shelf = cast.alice.make("shelves", code=cast.name("code"))
    first = cast.alice.make("books", title="One", shelf=shelf["id"])
    cast.alice.make("books", title="Two", sequel_of=first["id"])
    return partial(cast.alice.delete, f"/shelves/{shelf['id']}")


def run_batch(cast):
    doomed = cast.alice.make("books", title="Doomed")
    operations = [
        {"op": "create", "resource": "shelves", "data": {"code": cast.name("code")}},
        {"op": "create", "resource": "books", "data": {"title": "New", "shelf": {"$ref": 0}}},
        {"op": "update", "resource": "books", "id": cast.book["id"], "data": {"title": cast.name("Emma")}},
        {"op": "delete", "resource": "books", "id": doomed["id"]},
    ]
    return partial(cast.alice.post, "/batch", json={"operations": operations})


def import_records(cast):
    lines = f"title,price,shelf_code\nDune,1.5,A1\n{cast.name('Emma')},,\n"
    return partial(cast.alice.post, "/books/import", data=lines, headers={"Content-Type": "text/csv"})


def import_upsert(cast):
    codes = f"code\nA1\n{cast.name('code')}\n"
    path = "/shelves/import?mode=upsert&key=code&keep_good=true"
    return partial(cast.alice.post, path, data=codes, headers={"Content-Type": "text/csv"})


def import_dry(cast):
    lines = "title,shelf_code\nDune,A1\n"
    return partial(cast.alice.post, "/books/import?dry_run=true", data=lines, headers={"Content-Type": "text/csv"})


def export_records(cast):
    return lambda: read_whole(cast.alice.get("/books/export?format=ndjson"))


def read_whole(answer):
    assert answer.data
    return answer


def list_records(cast):
    return partial(cast.alice.get, "/books?q=emma&expand=shelf,sequel_of&sort=title&price__gte=1")


def read_record(cast):
    return partial(cast.alice.get, f"/books/{cast.book['id']}?expand=shelf")


def aggregate(cast):
    return partial(cast.alice.get, "/books/aggregate?group_by=shelf&sum=price")


def read_history(cast):
    return partial(cast.alice.get, f"/books/{cast.book['id']}/history")


def upload_file(cast):
    return partial(cast.alice.post, "/files", data=cast.name("file").encode(), content_type="text/plain")


def create_backup(cast):
    return partial(cast.admin.post, "/backups")


ACCOUNTS = [register, register_again, login, refresh, logout, change_profile, change_password, end_session]
MAILS = [
    run_job,
    end_other_sessions,
    forget_password,
    reset_password,
    ask_for_verification,
    verify,
    invite,
    retry_mail,
    withdraw_invitation,
    accept_invitation,
]
USERS = [
    create_user,
    create_service,
    replace_user,
    change_user,
    delete_user,
    replace_user_settings,
    list_users,
    list_user_sessions,
    end_user_session,
    end_user_sessions,
    list_audit,
]
ROLES = [create_role, replace_role, delete_role, create_key, revoke_key, use_key, write_with_key, be_refused]
WEBHOOKS = [
    create_webhook,
    change_webhook,
    delete_webhook,
    rotate_secret,
    replay_webhook,
    send_test,
    redeliver,
    redeliver_all,
]
DEFINITIONS = [create_resource, replace_resource, rename_resource, plan_resource, plan_new_resource, delete_resource]
RECORDS = [
    *(create_record, create_record_once, replace_record, change_record, delete_record, run_batch),
    *(upsert_new, upsert_stored),
]
READS = [list_records, read_record, aggregate, read_history, export_records]
FILES = [upload_file, import_records, import_upsert, import_dry, create_backup]


# What has to hold.


GROUPS = [ACCOUNTS, MAILS, USERS, ROLES, WEBHOOKS, DEFINITIONS, RECORDS, READS, FILES]
SHORT = [change_user, replace_resource, create_record_once, run_batch, import_records, list_records]
# What may be kept of a call that fails later on.
KEPT = {use_key: "larder_api_keys", write_with_key: "larder_api_keys"}


@pytest.mark.parametrize("calls", GROUPS, ids=lambda calls: calls[0].__name__)
def test_calls_whose_statements_fail_do_all_or_nothing(cast, calls):
    for prepare in calls:
        assert_all_or_nothing(cast, prepare, TEMPORARY[dialect()])


def test_an_upload_whose_statements_fail_leaves_no_row_without_bytes(cast):
    assert_all_or_nothing(cast, upload_file, [UNEXPECTED[dialect()], *TEMPORARY[dialect()]])
    with database.connection_context():
        stored, rows = {file.id for file in storage.stored()}, {row.id for row in File.select()}
    assert rows <= stored
    assert len(stored - rows) <= 1  # of the commit that failed, which may have been done


def test_calls_whose_statements_are_wrong_do_all_or_nothing(cast):
    for prepare in sum(GROUPS, []) if IN_EVERY_WAY else SHORT:
        assert_all_or_nothing(cast, prepare, [UNEXPECTED[dialect()]])


def test_a_connection_that_fails_while_it_is_opened_is_closed(cast):
    for n in range(1, 6):
        for fault in TEMPORARY[dialect()]:
            database.close_all()
            with failing(n, fault) as failed:
                answer = read_record(cast)()
            what_happened = f"statement {n}, {fault.__name__} at {failed}: {answer.status_code} {answer.data}"
            assert_nothing_is_left(what_happened)
            if failed:
                assert_named(answer, fault, what_happened)
            assert read_record(cast)().status_code == 200, what_happened
    gc.collect()  # what was left open would be warned of now


@pytest.mark.parametrize(
    "prepare",
    [register, change_user, create_role, create_resource, create_record_once, run_batch, import_records, upload_file],
)
def test_a_change_whose_commit_is_done_but_not_answered_is_unavailable_and_whole(cast, prepare):
    call, before = prepare(cast), side.content()
    with losing_commits() as failed:
        answer = call()
    what_happened = f"{prepare.__name__}: {answer.status_code} {answer.data}"
    assert failed, what_happened
    assert_named(answer, None, what_happened)
    assert_nothing_is_left(what_happened)
    done = added(before)
    assert any(done.values()), what_happened
    if prepare is create_record_once:
        again = call()
        assert (again.status_code, again.headers["Idempotency-Replayed"], added(before)) == (201, "true", done)
    call, ready = prepare(cast), side.content()
    assert call().status_code < 300
    assert {table: rows for table, rows in added(ready).items() if table in before} == done


def added(before):
    """Return how many rows each table of `before` has more than then."""
    after = side.content()
    return {table: len(after[table]) - len(rows) for table, rows in before.items() if table != "shape"}


def apply_definitions(cast, file):
    document = {
        "roles": {cast.name("role"): {"permissions": ["resources:read"]}},
        "users": {"fields": {cast.name("team"): {"type": "string"}}},
        "resources": {cast.name("things"): definition(1), cast.name("things"): definition(1)},
    }
    file.write_text(json.dumps(document))
    return ["resources", "apply", str(file)]


def import_file(cast, file):
    file.write_text(f"code\n{cast.name('code')}\n")
    return ["records", "import", "shelves", str(file)]


def create_account(cast, file):
    return ["users", "create", cast.email(), "--password", PASSWORD]


def back_up(cast, file):
    return ["backup", "create"]


@pytest.mark.parametrize("prepare", [apply_definitions, import_file, create_account, back_up])
def test_commands_whose_statements_fail_do_all_or_nothing(cast, tmp_path, prepare):
    faults, runner = TEMPORARY[dialect()], cast.app.test_cli_runner()
    cast.admin.get("/shelves")  # the app knows the definitions
    command, before = prepare(cast, tmp_path / "file.csv"), side.content()
    for n, fault in turns(50, faults):
        with failing(n, fault) as failed:
            result = runner.invoke(args=command)
        what_happened = f"{command}, statement {n}, {fault.__name__} at {failed}: {result.output} {result.exception!r}"
        assert_nothing_is_left(what_happened)
        if not failed:
            assert result.exit_code == 0, what_happened
            return
        if result.exit_code == 0:  # what can be done without
            command, before = prepare(cast, tmp_path / "file.csv"), side.content()
            continue
        assert isinstance(result.exception, SystemExit), what_happened
        assert "cannot do this now" in result.stderr, what_happened
        assert changed_since(before) == set(), what_happened
        assert not [*tmp_path.glob("backups/*.zip")], what_happened


def dialect():
    return database.name


def assert_all_or_nothing(cast, prepare, faults):
    """Fail the n-th statement of a call, for n = 1, 2, 3 … until it has no more."""
    with failing(0, None):
        prepare(cast)()
        total = -injection.countdown
    call, before = prepare(cast), side.content()
    for n, fault in turns(total, faults):
        with failing(n, fault) as failed:
            answer = call()
        what_happened = (
            f"{prepare.__name__}, statement {n}, {fault.__name__} at {failed}: {answer.status_code} {answer.data}"
        )
        assert_nothing_is_left(what_happened)
        if not failed:
            assert answer.status_code < 300 or prepare is be_refused, what_happened
            assert "Idempotency-Replayed" not in answer.headers, what_happened
            return
        if answer.status_code < 300:  # what can be done without
            call, before = prepare(cast), side.content()
            continue
        assert_named(answer, fault, what_happened)
        assert changed_since(before) <= {KEPT.get(prepare)}, what_happened


def turns(total, faults):
    """Yield (n, fault): all, or of a call with many statements the first, the last, and a quarter of the others."""
    for n in count(1):
        if IN_EVERY_WAY:
            yield from ((n, fault) for fault in faults)
        elif n < 9 or n > total - 9 or n % 4 == 0:
            yield n, faults[(n // 4 if 9 <= n <= total - 9 else n) % len(faults)]


def changed_since(before):
    """Return the names of the tables with other content than before, and `shape` if one has another shape."""
    after = side.content()
    return {table for table in {*before, *after} if before.get(table) != after.get(table)}


def assert_named(answer, fault, what_happened):
    """Assert that a failure is a 503, or a 500 where it is the app's own."""
    status, code = answer.status_code, answer.json["error"]["code"]
    if (status, code) == (500, "INTERNAL_ERROR") and fault in UNEXPECTED.values():
        return
    assert (status, code) == (503, "UNAVAILABLE"), what_happened
    assert_failure(answer, 503, "UNAVAILABLE")
    assert answer.headers["Retry-After"], what_happened
