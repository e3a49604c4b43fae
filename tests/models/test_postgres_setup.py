"""Postgres databases, roles and servers that are set up in another way than Larder expects."""

import subprocess
import sys

import psycopg
import pytest

from backend.models.database import database
from tests.conftest import SECRET_KEY, with_database
from tests.helpers import assert_failure
from tests.parts.server import ROOT, environment

pytestmark = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
FIELDS = {
    "day": {"type": "date"},
    "at": {"type": "datetime", "index": True},
    "share": {"type": "number"},
    "price": {"type": "decimal"},
    "name": {"type": "string"},
}
VALUES = {
    "day": "2026-03-04",
    "at": "2026-03-04T05:06:07.891234Z",
    "share": 0.1 + 0.2,
    "price": "12.30",
    "name": "Ærøskøbing \\ 日本",
}
STRANGE = {
    "datestyle": "'SQL, DMY'",
    "intervalstyle": "'iso_8601'",
    "timezone": "'America/New_York'",
    "bytea_output": "'escape'",
    "extra_float_digits": "'-3'",
    "client_encoding": "'LATIN1'",
    "default_transaction_isolation": "'serializable'",
    "default_transaction_read_only": "on",
    "transform_null_equals": "on",
    "search_path": "nowhere",
    "statement_timeout": "900",
    "lock_timeout": "1",
}


def database_of(url):
    return url.partition("?")[0].rpartition("/")[2]


@pytest.fixture
def settings(settings, postgres_url, database_url):
    """The settings, with a database whose defaults are all others than usual."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for name, value in STRANGE.items():
            connection.execute(f"ALTER DATABASE {database_of(database_url)} SET {name} = {value}")
    return settings


def test_defaults_of_the_database_change_no_value(admin, alice):
    access = {"list": ["public"], "read": ["public"], "create": ["member"], "update": ["owner"]}
    admin.declare("things", FIELDS, access=access)
    made = alice.make("things", **VALUES)
    found = alice.get(f"/things/{made['id']}").json["data"]
    assert {name: found[name] for name in VALUES} == {name: made[name] for name in VALUES}
    assert found["share"] == VALUES["share"]
    assert found["at"] == VALUES["at"]
    assert found["name"] == VALUES["name"]
    assert alice.get("/things?at__gte=2026-03-04T05:06:07Z&day=2026-03-04&sort=-at").json["meta"]["total"] == 1
    assert alice.get("/things?name__isnull=true").json["data"] == []


def start(url, folder):
    """Return (exit status, what it says) of a server that is started with a database."""
    settings = {"data_dir": folder, "database_url": url, "secret_key": SECRET_KEY, "port": 1}
    command = [sys.executable, ROOT / "wsgi.py"]
    done = subprocess.run(command, cwd=folder, env=environment(settings), capture_output=True, text=True, timeout=120)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("make", "words"),
    [
        ("CREATE DATABASE {0} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0", ["SQL_ASCII", "ENCODING 'UTF8'"]),
        ("CREATE DATABASE {0} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0", ["LATIN1", "ENCODING 'UTF8'"]),
        (
            "CREATE DATABASE {0}; ALTER DATABASE {0} SET session_replication_role = 'replica'",
            ["session_replication_role is replica", "RESET session_replication_role"],
        ),
    ],
)
def test_a_database_that_cannot_hold_records_stops_the_start_with_the_remedy(
    database_url, postgres_url, tmp_path, make, words
):
    name = f"{database_of(database_url)}_other"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        try:
            for statement in make.format(name).split("; "):
                connection.execute(statement)
            code, said = start(with_database(postgres_url, name), tmp_path)
        finally:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    assert code == 1
    assert "Traceback" not in said
    assert all(word in said for word in words), said


def test_tables_in_another_schema_are_not_overlooked(postgres_url, database_url, tmp_path):
    with psycopg.connect(database_url, autocommit=True, options="-c default_transaction_read_only=off") as connection:
        connection.execute("ALTER SCHEMA public RENAME TO mine; CREATE SCHEMA public")
    code, said = start(database_url, tmp_path)
    assert code == 1
    assert "Traceback" not in said
    assert 'ALTER SCHEMA "mine" RENAME TO public' in said


def test_missing_rights_of_the_role_are_named(postgres_url, tmp_path, database_url):
    name = database_of(database_url)
    with psycopg.connect(database_url, autocommit=True, options="-c default_transaction_read_only=off") as connection:
        connection.execute(f"CREATE ROLE {name}_role LOGIN")
        try:
            connection.execute("REVOKE CREATE ON SCHEMA public FROM public")
            code, said = start(database_url.replace("postgres@", f"{name}_role@"), tmp_path)
        finally:
            connection.execute(f"DROP ROLE {name}_role")
    assert code == 1, said
    assert "Traceback" not in said, said
    assert "GRANT CREATE, USAGE ON SCHEMA public" in said, said


def test_a_server_that_takes_no_writes_is_unavailable_for_them(app, alice):
    assert alice.token
    with database.connection_context():
        database.execute_sql("SET default_transaction_read_only = on")  # the next request has the same connection
    assert_failure(alice.patch("/auth/me", json={"name": "Alicia"}), 503, "UNAVAILABLE")
    assert alice.get("/auth/me").json["data"]["name"] == "Alice"
