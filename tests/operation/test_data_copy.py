"""`flask data copy` moves everything to the other kind of database and back, and nothing is different there."""

import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import psycopg
import pytest

from backend import create_app
from backend.models.database import database
from backend.models.webhook import Webhook
from backend.services.operation import data_copy
from tests.conftest import ON_SQLITE, PASSWORD, SECRET_KEY, Person, with_database
from tests.parts import every_type, geo, teams
from tests.parts.files import PNG, uploaded
from tests.parts.server import ROOT, environment

_numbers = count(1)
RICH = {
    "fields": {
        "title": {"type": "string", "required": True, "ignore_case": True, "unique": True},
        "price": {"type": "decimal", "precision": 30, "scale": 4},
        "twice": {"type": "decimal", "precision": 34, "scale": 4, "computed": "price * 2"},
        "parent": {"type": "reference", "to": "shelves"},
        "others": {"type": "references", "to": "shelves"},
        "keeper": {"type": "reference", "to": "users"},
        "number": {"type": "sequence"},
        "photo": {"type": "file"},
    },
    "search": ["title"],
    "history": True,
    "feed": True,
    "checks": {"price_fits": {"price": {"gte": 0}}},
    "access": {"list": ["member"], "read": ["member"]},
}


@pytest.fixture
def empty_database(request, tmp_path):
    """A function that returns the URL of an empty database of a kind."""
    with ExitStack() as stack:

        def make(kind):
            name = f"larder_copy_{next(_numbers)}"
            if kind == "sqlite":
                return f"sqlite:///{tmp_path / name}.db"
            return stack.enter_context(_empty_postgres(request, f"{name}_{tmp_path.name[-8:].strip('_').lower()}"))

        yield make


@contextmanager
def _empty_postgres(request, name):
    postgres, name = request.getfixturevalue("postgres"), re.sub(r"\W", "_", name)
    postgres.execute(f'CREATE DATABASE "{name}"')
    yield with_database(request.getfixturevalue("postgres_url"), name)
    postgres.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def copy(settings, url, *options):
    """Run the command on the database of the settings; return (exit code, output)."""
    app = create_app(settings)
    result = app.test_cli_runner().invoke(args=["data", "copy", "--to", url, *options], env={"COLUMNS": "200"})
    database.close_all()
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def checksums(output):
    """Return {table: (rows, checksum)} of what the command printed."""
    found = re.findall(r"^│? *(\w+) +│ +([\d,]+) +│ +([0-9a-f]{16}) ", output, re.M)
    return {table: (rows, checksum) for table, rows, checksum in found}


def fill(settings):
    """Fill the database with people, keys, sessions, history, and every kind of field; return what is needed later."""
    app = create_app(settings)
    admin, alice = Person(app, "admin"), Person(app, "alice")
    every_type.fill(admin)
    admin.declare("shelves", **RICH)
    values = {"price": "12345678901234567890.1234", "keeper": alice.id, "photo": uploaded(admin)["id"]}
    first = admin.make("shelves", title="Straße", **values)
    second = admin.make("shelves", title="ÅNGSTRÖM", parent=first["id"], others=[first["id"]])
    headers = {"If-Match": f'"{second["version"]}"'}
    assert admin.patch(f"/shelves/{second['id']}", json={"price": "0.0001"}, headers=headers).status_code == 200
    assert admin.delete(f"/shelves/{admin.make('shelves', title='gone')['id']}").status_code == 200
    assert admin.post("/invitations", json={"email": "new@example.com", "roles": ["member"]}).status_code in (201, 202)
    robot = admin.post("/users/services", json={"name": "Robot", "roles": ["member"]}).json["data"]
    key = admin.post("/api-keys", json={"name": "Nightly", "user_id": robot["id"]}).json["data"]["secret"]
    hook = {"name": "Hook", "url": "https://example.com/", "resources": ["shelves"], "roles": ["member"]}
    path = f"/webhooks/{admin.post('/webhooks', json=hook).json['data']['id']}"
    assert admin.post(f"{path}/test").status_code == 202
    assert admin.post(f"{path}/secret").status_code == 201
    refresh = alice.sign_in()["refresh_token"]
    database.close_all()
    return first, key, refresh


def questions(settings, key):
    """Return what the API answers to some questions."""
    admin = Person(create_app(settings), "admin")
    by_key = Person(admin.client.application, "admin")
    by_key._token = key
    found = {}
    for path in (
        *("/shelves?sort=title&expand=parent,others,keeper", "/shelves?title=strasse", "/shelves?q=angstrom"),
        *("/things?sort=-n&per_page=200", "/shelves/aggregate?sum=price,twice&group_by=parent", "/users?sort=email"),
        *("/resources", "/audit?action=resource.create", "/roles", "/invitations", "/shelves?price__gt=1", "/webhooks"),
    ):
        answer = admin.get(path)
        assert answer.status_code == 200, answer.json
        found[path] = answer.json["data"]
    found["by key"] = [by_key.get(path).json["data"] for path in ("/shelves?sort=title", "/auth/me")]
    (shelf,) = admin.get("/shelves?title=ÅNGSTRÖM").json["data"]
    found["history"] = admin.get(f"/shelves/{shelf['id']}/history").json["data"]
    database.close_all()
    return found


def test_everything_is_the_same_there_and_back(settings, empty_database):
    kind = "sqlite" if settings.database_url.startswith("sqlite") else "postgres"
    other = {"sqlite": "postgres", "postgres": "sqlite"}[kind]
    first, key, refresh = fill(settings)
    answers = questions(settings, key)
    copies = [replace(settings, database_url=empty_database(each)) for each in (other, kind)]
    seen = []
    for source, target in zip([settings, copies[0]], copies, strict=True):
        code, output = copy(source, target.database_url)
        assert code == 0, output
        assert "differs" not in output
        seen.append(checksums(output))
        assert len(seen[-1]) > 20
        assert (seen[-1]["shelves"][0], seen[-1]["larder_files"][0]) == ("2", "1")
        assert seen[-1]["larder_users"][0] == "5"
        assert (seen[-1]["larder_webhooks"][0], seen[-1]["larder_deliveries"][0]) == ("1", "1")
        assert f"{len(seen[-1])} tables are equal" in output
    assert seen[0] == seen[1]
    for copied in copies:
        assert copy(settings, copied.database_url, "--check")[0] == 0
    back = copies[1]
    assert questions(back, key) == answers
    app = create_app(back)
    with database.connection_context():
        assert [*Webhook.select(Webhook.transaction_id, Webhook.sequence).tuples()] == [(0, 0)]
    alice = Person(app, "alice")
    assert alice.client.post("/api/v1/auth/login", json={"email": alice.email, "password": PASSWORD}).status_code == 200
    answer = alice.client.post("/api/v1/auth/refresh", headers={"Authorization": f"Bearer {refresh}"})
    assert answer.status_code == 200, answer.json
    admin = Person(app, "admin")
    with admin.get(f"/shelves/{first['id']}/photo") as photo:
        assert photo.data == PNG  # files stay where they are
    made = admin.make("shelves", title="next", parent=first["id"])
    assert made["number"] == 4
    assert admin.post("/shelves", json={"title": "STRASSE"}).status_code == 409
    assert admin.post("/shelves", json={"title": "below", "price": "-1"}).status_code == 422
    assert admin.delete(f"/shelves/{first['id']}").status_code == 409
    assert admin.get("/shelves?q=next").json["meta"]["total"] == 1


@pytest.mark.parametrize("geo_url", ["sqlite"], indirect=True)
def test_the_example_is_the_same_on_postgres_and_back(geo_url, settings, empty_database):
    settings = replace(settings, database_url=geo_url)
    on_postgres = replace(settings, database_url=empty_database("postgres"))
    code, output = copy(settings, on_postgres.database_url)
    assert code == 0, output
    code, again = copy(on_postgres, empty_database("sqlite"))
    assert code == 0, again
    assert checksums(output) == checksums(again)
    assert checksums(output)["cities"][0] == f"{len(geo.rows('cities')):,}"


@ON_SQLITE
def test_the_example_of_teams_is_copied(settings, admin, app, empty_database):
    teams.apply(settings)
    teams.Stage(app, admin)
    code, output = copy(settings, empty_database("postgres"))
    assert code == 0, output
    assert checksums(output)["larder_users"][0] == "6"


def test_a_target_with_data_is_refused_and_stays(settings, empty_database, tmp_path):
    fill(settings)
    target = replace(settings, database_url=empty_database("sqlite"))
    assert copy(settings, target.database_url)[0] == 0
    before = copy(settings, target.database_url, "--check")
    code, output = copy(settings, target.database_url)
    assert code == 1
    assert "The target is not empty: it has 5 users and 2 resources. Name an empty database." in output
    assert copy(settings, target.database_url, "--check") == before


@ON_SQLITE
def test_differences_are_found(settings, empty_database):
    first, _, _ = fill(settings)
    url = empty_database("postgres")
    assert copy(settings, url)[0] == 0
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE shelves SET title = 'Strasse' WHERE id = %s", [first["id"]])
    code, output = copy(settings, url, "--check")
    assert code == 1
    assert "The two databases differ." in output
    (line,) = [line for line in output.splitlines() if "differs" in line]
    assert "shelves" in line
    assert "differs: 2 rows" in line


@ON_SQLITE
@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://localhost/larder", "Expected sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME."),
        ("sqlite:///:memory:", "Expected the path of a file after sqlite:///, without options."),
    ],
)
def test_a_wrong_url_is_explained(settings, url, message):
    code, output = copy(settings, url)
    assert code == 1
    assert message in output


@ON_SQLITE
def test_the_database_itself_is_no_target(settings):
    code, output = copy(settings, settings.database_url)
    assert code == 1
    assert "This is the database of LARDER_DATABASE_URL itself." in output


@ON_SQLITE
def test_a_source_that_changes_meanwhile_is_noticed_and_nothing_is_copied(settings, empty_database, monkeypatch):
    fill(settings)
    url = empty_database("postgres")
    load = data_copy.load_definitions

    def write_meanwhile():
        with sqlite3.connect(settings.database_url.removeprefix("sqlite:///")) as other:
            other.execute("UPDATE larder_users SET name = 'Somebody' WHERE email LIKE 'bob@%'")
        return load()

    monkeypatch.setattr(data_copy, "load_definitions", write_meanwhile)
    code, output = copy(settings, url)
    assert code == 1
    assert "These tables changed while they were copied: larder_users. Nothing was copied." in output
    monkeypatch.undo()
    assert copy(settings, url)[0] == 0


@pytest.mark.parametrize("geo_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("target_kind", ["sqlite", "postgres"])
@ON_SQLITE
def test_a_copy_that_is_killed_can_be_repeated(settings, geo_url, empty_database, postgres, target_kind):
    settings = replace(settings, database_url=geo_url)
    url = empty_database(target_kind)
    variables = environment({"data_dir": settings.data_dir, "database_url": geo_url, "secret_key": SECRET_KEY})
    command = [sys.executable, "-m", "flask", "data", "copy", "--to", url]
    with subprocess.Popen(
        command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as copying:
        while copying.poll() is None and not _is_half_way(url, postgres):
            time.sleep(0.01)
        copying.send_signal(signal.SIGKILL)
    assert copying.returncode == -signal.SIGKILL
    code, output = copy(settings, url)
    assert code == 0, output


def _is_half_way(url, postgres):
    """Return whether rows have been written that are not committed yet."""
    if url.startswith("sqlite:///"):
        log = Path(f"{url.removeprefix('sqlite:///')}-wal")
        return log.exists() and log.stat().st_size > 2_000_000
    query = "SELECT 1 FROM pg_stat_activity WHERE datname = %s AND query LIKE 'INSERT INTO \"cities\"%%'"
    return postgres.execute(query, [url.partition("?")[0].rpartition("/")[2]]).fetchone() is not None
