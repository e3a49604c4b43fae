"""Migrations of the system tables, and the first admin."""

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from playhouse.migrations import Runner

from backend import create_app
from backend.models.base import BaseModel, Entity
from backend.models.database import database
from backend.models.session import Session
from backend.models.user import User, UserRole
from backend.services.access.actors import SYSTEM
from backend.services.accounts import passwords, sign_in, users
from backend.services.operation import migrations
from backend.utils.clock import utcnow
from backend.utils.ids import uuid7
from tests.conftest import PASSWORD, Person

ROOT = Path(__file__).parents[2]
TABLES = [
    *("larder_api_keys", "larder_audit", "larder_definition_versions", "larder_definitions", "larder_generation"),
    *(
        "larder_invitations",
        "larder_job_runs",
        "larder_kept_answers",
        "larder_kept_fields",
        "larder_mail_tokens",
        "larder_migrations",
        "larder_outbox",
    ),
    "larder_record_changes",
    *("larder_roles", "larder_sessions", "larder_user_roles", "larder_user_settings", "larder_users"),
]
# What has been released stays as it is: a change is a new file at the end.
MIGRATIONS = [
    "0001_initial",
    "0002_people",
    "0003_repeats",
    "0004_profiles",
    "0005_history",
    "0006_job_runs",
    "0008_search",
    "0009_history",
    "0010_token_bindings",
    "0011_audit_counts",
]
CREDENTIALS = {"email": "root@example.com", "password": PASSWORD}


@pytest.fixture
def empty(settings):
    """The settings of an app whose database has no tables yet."""
    if settings.database_url.startswith("sqlite:///"):
        Path(settings.database_url.removeprefix("sqlite:///")).unlink()
    else:
        with psycopg.connect(settings.database_url, autocommit=True) as server:
            server.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    database.open(settings)
    passwords.hashing.open(settings)
    yield settings
    database.close_all()


def column_type(field):
    """Return the type of a model's column as the database tells it."""
    kind = database.obj.field_types[field.field_type].partition(" COLLATE")[0].lower()
    return kind.replace("timestamptz", "timestamp with time zone")


def at_once(settings, code, count=3):
    """Run the Python code in several processes that begin at the same moment; return what each printed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LARDER_")} | {
        "LARDER_DATABASE_URL": settings.database_url,
        "LARDER_SECRET_KEY": settings.secret_key,
        "LARDER_SLOW_QUERY_MS": "60000",
        "LARDER_ADMIN_EMAIL": CREDENTIALS["email"],
        "LARDER_ADMIN_PASSWORD": CREDENTIALS["password"],
    }
    begin = (
        "import sys\nfrom backend.config.reading import read_settings\n"
        "from backend.models.database import database\n"
        "from backend.services.accounts import passwords, sign_in\nfrom backend.services.operation import migrations\n"
        "settings = read_settings()\ndatabase.open(settings)\npasswords.hashing.open(settings)\n"
        "print('ready', flush=True)\nsys.stdin.read()\n"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT, "env": environment}
    processes = [subprocess.Popen([sys.executable, "-c", begin + code], **pipes) for _ in range(count)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.close()
    printed = []
    for process in processes:
        with process:
            printed.append(process.stdout.read())
    assert [process.returncode for process in processes] == [0] * count
    return printed


def test_makes_the_system_tables(empty):
    assert migrations.upgrade() == MIGRATIONS
    assert sorted(database.get_tables()) == TABLES
    assert migrations.is_up_to_date()


def test_the_models_are_what_the_migrations_make(empty):
    migrations.upgrade()
    for model in [*BaseModel.__subclasses__(), *Entity.__subclasses__()]:
        table, fields = model._meta.table_name, model._meta.sorted_fields
        if table not in TABLES:
            continue  # what they share has none
        columns = {column.name: (column.data_type.lower(), column.null) for column in database.get_columns(table)}
        assert columns == {field.column_name: (column_type(field), field.null) for field in fields}, table
        declared = {((field.column_name,), field.unique) for field in fields if field.index or field.unique}
        declared |= {(tuple(names), is_unique) for names, is_unique in model._meta.indexes}
        keys = {(tuple(key.column_name for key in model._meta.get_primary_keys()), True)}
        assert {(tuple(index.columns), index.unique) for index in database.get_indexes(table)} - keys == declared, table


def test_again_is_nothing_to_do(empty):
    migrations.upgrade()
    before = migrations.migration_status()
    assert migrations.upgrade() == []
    assert migrations.migration_status() == before


def test_processes_starting_at_once_migrate_once_and_make_one_admin(empty):
    printed = at_once(empty, "print(migrations.upgrade(), sign_in.create_first_admin(settings))")
    assert sorted(printed) == [f"{MIGRATIONS} None\n", "[] None\n", "[] None\n"]
    assert sorted(database.get_tables()) == TABLES
    assert UserRole.select().where(UserRole.role == "admin").count() == 1


def test_the_command_line_upgrades(empty):
    runner = create_app(empty).test_cli_runner()
    before = runner.invoke(args=["db", "status"])
    assert (before.exit_code, "not yet" in before.output) == (1, True)
    assert runner.invoke(args=["db", "upgrade"]).output == "".join(f"applied {name}\n" for name in MIGRATIONS)
    after = runner.invoke(args=["db", "status"])
    assert (after.exit_code, "not yet" in after.output) == (0, False)


def test_the_command_line_explains_a_database_that_is_not_migrated(empty, tmp_path):
    file = tmp_path / "resources.yml"
    file.write_text("resources: {notes: {fields: {title: {type: string}}}}")
    for arguments in (["resources", "apply", str(file)], ["resources", "export"]):
        result = create_app(empty).test_cli_runner().invoke(args=arguments)
        assert result.exit_code == 1
        assert "flask db" in result.output
        assert "Traceback" not in result.output


def test_a_database_that_is_not_migrated_is_unavailable_and_says_what_to_do(empty):
    stranger = Person(create_app(empty))
    answers = [
        stranger.get("http://localhost/health/ready"),
        stranger.get("/resources"),
        stranger.get("/notes"),
        stranger.post("/notes", json={"title": "Milk"}),
        stranger.post("/auth/login", json=CREDENTIALS),
        stranger.get("/auth/me", headers={"Authorization": "Bearer garbage"}),
    ]
    found = [(answer.status_code, answer.json["error"]["code"]) for answer in answers]
    assert found[:5] == [(503, "UNAVAILABLE")] * 5
    assert all("flask db upgrade" in answer.json["error"]["message"] for answer in answers[:5])
    assert answers[0].headers["Retry-After"] == "1"


def test_a_database_that_is_not_migrated_is_no_reason_to_restart_the_process(empty):
    assert Person(create_app(empty)).get("http://localhost/health/live").status_code == 200


def test_an_app_serves_as_soon_as_its_database_is_migrated(empty):
    app = create_app(empty)
    stranger = Person(app)
    assert stranger.get("http://localhost/health/ready").status_code == 503
    migrations.upgrade()
    sign_in.create_first_admin(replace(empty, admin_email="admin@example.com", admin_password=PASSWORD))
    assert stranger.get("http://localhost/health/ready").status_code == 200
    assert stranger.get("/notes").status_code == 404
    assert Person(app, "admin").declare("notes", {"title": {"type": "string"}})["version"] == 1


def test_the_first_admin_is_made_with_the_settings(empty):
    migrations.upgrade()
    given = replace(empty, admin_email="Root@Example.com", admin_password=PASSWORD)
    assert sign_in.create_first_admin(given) is None
    answer = Person(create_app(empty)).post("/auth/login", json=CREDENTIALS)
    assert answer.json["data"]["user"]["roles"] == ["admin", "member"]


def test_a_password_is_made_up_when_none_is_given(empty):
    migrations.upgrade()
    email, password = sign_in.create_first_admin(empty)
    assert email == "admin@example.com"
    assert len(password) >= 16
    answer = Person(create_app(empty)).post("/auth/login", json={"email": email, "password": password})
    assert answer.status_code == 200


def test_there_is_only_one_first_admin(empty):
    migrations.upgrade()
    assert sign_in.create_first_admin(empty) is not None
    assert sign_in.create_first_admin(replace(empty, admin_email="another@example.com")) is None
    assert [(row.role) for row in UserRole.select().where(UserRole.role == "admin")] == ["admin"]


def test_a_database_of_the_first_version_keeps_its_rows(empty):
    first = Runner(database.obj, directory=str(migrations.FOLDER), table_name=migrations.HISTORY_TABLE)
    user, session, day = "01900000-0000-7000-8000-000000000001", "01900000-0000-7000-8000-000000000002", "2026-01-02"
    moment = f"{day}T03:04:05.000006Z"
    with database.connection_context():
        first.up("0001_initial")
        for statement in (
            f"INSERT INTO larder_users VALUES ('{user}', '{moment}', 'a@example.com', 'A', 'hash', {{true}}, "
            f"'{moment}')",
            f"INSERT INTO larder_user_roles VALUES ('{user}', 'admin')",
            f"INSERT INTO larder_sessions VALUES ('{session}', '{moment}', '{user}', '{session}', 'curl', '::1', "
            f"'{moment}', '{moment}', NULL)",
        ):
            database.execute_sql(statement.format(true="1" if empty.database_url.startswith("sqlite") else "true"))
    assert migrations.upgrade() == MIGRATIONS[1:]
    with database.connection_context():
        kept, login = User.get(), Session.get()
        assert (kept.id, kept.email, kept.roles()) == (user, "a@example.com", ["admin"])
        assert kept.verified_at == kept.created_at == datetime.fromisoformat(moment)
        assert (login.id, login.user_agent, login.ended_at, login.rotated_at) == (session, "curl", None, None)


def test_what_was_searched_before_is_still_found(empty):
    """The words of 0005_history and before, as a resource had them then."""
    migrations.upgrade()
    sign_in.create_first_admin(replace(empty, admin_email="admin@example.com", admin_password=PASSWORD))
    admin = Person(create_app(empty), "admin")
    admin.declare("notes", {"title": {"type": "string"}, "text": {"type": "string"}}, search=["title", "text"])
    made = admin.make("notes", title="Milk and milk", text="Ünder")
    if database.obj.alters_columns:
        with database.connection_context():
            ((table,),) = database.execute_sql(
                "SELECT tablename FROM pg_tables WHERE tablename LIKE 'larder_words_%%'"
            ).fetchall()
            terms = table.replace("words", "terms", 1)
            database.execute_sql(f'DROP INDEX "{terms}"')
            for name in ("c0", "c1"):
                database.execute_sql(
                    f'ALTER TABLE "{table}" ALTER COLUMN {name} DROP DEFAULT,'
                    f" ALTER COLUMN {name} TYPE TSVECTOR USING to_tsvector('simple', {name}),"
                    f" ALTER COLUMN {name} SET DEFAULT ''"
                )
            database.execute_sql(f'CREATE INDEX "{terms}" ON "{table}" USING GIN ((c0 || c1))')
    with database.connection_context():
        database.execute_sql("DELETE FROM larder_migrations WHERE name = '0008_search'")
    assert migrations.upgrade() == ["0008_search"]
    for text, total in (("milk under", 1), ("mil", 1), ("cheese", 0)):
        assert admin.get(f"/notes?q={text}").json["meta"]["total"] == total
    admin.patch(f"/notes/{made['id']}", json={"title": "Cheese"})
    assert admin.get("/notes?q=cheese").json["meta"]["total"] == 1


def test_a_mail_on_its_way_is_still_good_after_an_upgrade(empty):
    first = Runner(database.obj, directory=str(migrations.FOLDER), table_name=migrations.HISTORY_TABLE)
    user, moment, token = "01900000-0000-7000-8000-000000000001", "2026-01-02T03:04:05.000006Z", "a token of old"
    truth = "1" if empty.database_url.startswith("sqlite") else "true"
    with database.connection_context():
        first.up("0006_job_runs")
        for statement in (
            f"INSERT INTO larder_users VALUES ('{user}', '{moment}', 'a@example.com', 'A', 'hash', {truth}, "
            f"'{moment}', NULL, '{{}}')",
            f"INSERT INTO larder_mail_tokens VALUES ('{uuid7()}', '{moment}', '{user}', 'reset', "
            f"'{hashlib.sha256(token.encode()).hexdigest()}', '{utcnow() + timedelta(hours=1):%Y-%m-%dT%H:%M:%S.%fZ}')",
        ):
            database.execute_sql(statement)
    migrations.upgrade()
    answer = Person(create_app(empty)).post("/auth/password/reset", json={"token": token, "new_password": PASSWORD})
    assert answer.status_code == 200


def test_the_history_of_before_is_in_order_and_keeps_the_rules_that_fields_had(empty):
    migrations.upgrade()
    sign_in.create_first_admin(replace(empty, admin_email="admin@example.com", admin_password=PASSWORD))
    with database.connection_context():
        users.create_user(SYSTEM, email="bob@example.com", password=PASSWORD, name="Bob", roles=["member"])
    app = create_app(empty)
    admin, bob = Person(app, "admin"), Person(app, "bob")
    rest = {"access": {"read": ["member"]}, "history": True}
    hidden, title = {"type": "string", "readable_by": ["editor"]}, {"type": "string"}
    admin.declare("notes", {"title": title, "wage": hidden}, **rest)
    note = admin.make("notes", title="0", wage="much")
    for number in (1, 2):
        admin.patch(f"/notes/{note['id']}", json={"title": str(number)})
    path = f"/notes/{note['id']}/history"
    for fields in ({"title": title}, {"title": title, "wage": title}):
        plan = admin.post("/resources/notes/plan", json={"fields": fields, **rest}).json["data"]
        admin.put(f"/resources/notes?confirm={plan['fingerprint']}", json={"fields": fields, **rest})
    with database.connection_context():
        # As 0005_history had it, written by a process whose clock was set back.
        for version, last in ((1, "3"), (2, "2"), (3, "1")):
            earlier = f"01900000-0000-7000-8000-00000000000{last}"
            sql = f"UPDATE larder_record_changes SET id = '{earlier}' WHERE version = {version}"
            database.execute_sql(sql)
        for index in database.get_indexes("larder_record_changes"):
            if "number" in index.columns:
                database.execute_sql(f'DROP INDEX "{index.name}"')
        for name in ("number", "fields_id"):
            database.execute_sql(f"ALTER TABLE larder_record_changes DROP COLUMN {name}")
        database.execute_sql("DROP TABLE larder_kept_fields")
        database.execute_sql("DELETE FROM larder_migrations WHERE name = '0009_history'")
    assert migrations.upgrade() == ["0009_history"]
    for person, sees in ((admin, True), (bob, False)):
        entries = person.get(path).json["data"]
        assert [each["version"] for each in entries] == [3, 2, 1]
        assert ("wage" in entries[-1]["changes"]) is sees
    admin.patch(f"/notes/{note['id']}", json={"wage": "open"})
    assert bob.get(path).json["data"][0]["changes"] == {"wage": {"from": None, "to": "open"}}
