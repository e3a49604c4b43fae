"""Migrations of the system tables, and the first admin."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from backend import create_app
from backend.models.base import BaseModel, Entity
from backend.models.database import database
from backend.models.user import UserRole
from backend.services.accounts import sign_in
from backend.services.operation import migrations
from tests.conftest import PASSWORD, Person

ROOT = Path(__file__).parents[2]
TABLES = [
    *("larder_api_keys", "larder_audit", "larder_changes", "larder_counters"),
    *("larder_definition_versions", "larder_definitions", "larder_deliveries", "larder_feeds"),
    *("larder_files", "larder_generation"),
    *(
        "larder_invitations",
        "larder_job_runs",
        "larder_kept_answers",
        "larder_kept_fields",
        "larder_mail_tokens",
        "larder_mails",
        "larder_migrations",
        "larder_outbox",
    ),
    "larder_record_changes",
    *(
        "larder_roles",
        "larder_sessions",
        "larder_user_roles",
        "larder_user_settings",
        "larder_users",
        "larder_webhooks",
    ),
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
    "0012_directory",
    "0013_counters",
    "0014_functions",
    "0015_services",
    "0016_mails",
    "0017_files",
    "0018_changes",
    "0019_webhooks",
]
CREDENTIALS = {"email": "root@example.com", "password": PASSWORD}


def column_type(field):
    """Return the type of a model's column as the database names it."""
    kind = database.obj.field_types[field.field_type].partition(" COLLATE")[0].lower()
    return kind.replace("timestamptz", "timestamp with time zone")


def own_tables():
    """Return the names of the tables, without those that SQLite makes for itself."""
    return sorted(name for name in database.get_tables() if not name.startswith("sqlite_"))


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


def test_creates_the_system_tables(empty):
    assert migrations.upgrade() == MIGRATIONS
    assert own_tables() == TABLES
    assert migrations.is_up_to_date()


def test_the_models_match_the_migrations(empty):
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


def test_a_second_upgrade_does_nothing(empty):
    migrations.upgrade()
    before = migrations.migration_status()
    assert migrations.upgrade() == []
    assert migrations.migration_status() == before


def test_processes_that_start_together_migrate_once_and_create_one_admin(empty):
    printed = at_once(empty, "print(migrations.upgrade(), sign_in.create_first_admin(settings))")
    assert sorted(printed) == [f"{MIGRATIONS} None\n", "[] None\n", "[] None\n"]
    assert own_tables() == TABLES
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


def test_is_unavailable_with_advice_until_it_is_migrated(empty):
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


def test_is_live_before_it_is_migrated(empty):
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


def test_creates_the_first_admin_from_the_settings(empty):
    migrations.upgrade()
    given = replace(empty, admin_email="Root@Example.com", admin_password=PASSWORD)
    assert sign_in.create_first_admin(given) is None
    answer = Person(create_app(empty)).post("/auth/login", json=CREDENTIALS)
    assert answer.json["data"]["user"]["roles"] == ["admin", "member"]


def test_generates_a_password_if_none_is_set(empty):
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
