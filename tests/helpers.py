"""Helpers for the tests of several folders: requests, checks of responses, states of the database, faults."""

import re
import resource
from contextlib import closing, contextmanager
from itertools import count
from typing import get_args

import cysqlite
import psycopg

from backend.models.database import database
from backend.models.definition import Generation
from backend.utils.problems import Code, Extras

CSV, NDJSON = "text/csv", "application/x-ndjson"
# The access of a resource.
OPEN = dict.fromkeys(("list", "read", "create", "update", "delete"), ["member"])
PUBLIC = dict.fromkeys(OPEN, ["public"])
READABLE = {"list": ["public"], "read": ["public"]}
UNKNOWN_ID = "0193e0f4-0000-7000-8000-000000000000"  # that no row has
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def bearer(token):
    """Return the header that authenticates with a token or an API key."""
    return {"Authorization": f"Bearer {token}"}


def refresh(person, token):
    """Call `/auth/refresh` with a refresh token; return the response."""
    return person.client.post("/api/v1/auth/refresh", headers=bearer(token))


def load(person, content, kind=CSV, resource="books", **query):
    """Import a file, given as text or bytes; return the response."""
    body = content if isinstance(content, bytes) else content.encode()
    return person.post(f"/{resource}/import", data=body, content_type=kind, query_string=query)


def outcome(answer):
    """Return (rows, created, updated, bad) of the report on an import."""
    assert answer.status_code == 200, answer.json
    return tuple(answer.json["data"][part] for part in ("rows", "created", "updated", "bad"))


def assert_failure(response, status, code):
    """Assert that a response is an error with this status and code, and has all parts of an error."""
    assert (response.status_code, response.mimetype) == (status, "application/json"), response.data
    assert set(response.json) == {"success", "error", "timestamp"}
    assert response.json["success"] is False
    assert TIMESTAMP.fullmatch(response.json["timestamp"])
    error = response.json["error"]
    assert set(error) == {"code", "message", "details"}
    assert (error["code"], type(error["details"])) == (code, dict)
    assert error["message"]
    assert re.fullmatch("[0-9a-f]{32}", response.headers["X-Request-ID"])


def details_of(response):
    """Return the details of an error with the texts of its problems."""
    return texts_of(response.json["error"]["details"])


def texts_of(details):
    """Return details of an error with the text of each problem in place of the object."""
    if isinstance(details, list):
        return [*map(texts_of, details)]
    if isinstance(details, dict):
        return details["message"] if is_problem(details) else {key: texts_of(value) for key, value in details.items()}
    return details


def is_problem(details):
    """Return whether part of the details of an error is the object of a problem."""
    return isinstance(details, dict) and {"code", "message"} <= details.keys()


def assert_problems(details):
    """Assert that details of an error have nothing but problems, each with a code and members that are documented."""
    if isinstance(details, dict):
        for part in details.values():
            assert_problems(part)
    else:
        assert isinstance(details, list), details
        for problem in details:
            assert is_problem(problem), problem
            assert problem["code"] in get_args(Code), problem
            assert problem.keys() - {"code", "message"} <= Extras.__annotations__.keys(), problem


@contextmanager
def lock_on_notes(url):
    """Lock out writers of notes (on SQLite, all writers) until the end of the block, as a long transaction does."""
    if url.startswith("sqlite"):
        # Not `sqlite3`: it has its own copy of SQLite, and two copies in one process ignore the locks of each other.
        with closing(cysqlite.connect(url.removeprefix("sqlite:///"))) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")
    else:
        with psycopg.connect(url) as other:
            other.execute("LOCK TABLE notes IN EXCLUSIVE MODE")
            yield


@contextmanager
def server(postgres_url, database_url):
    """Yield (a connection to the database `postgres` of the server, the name of the app's database)."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        yield connection, database_url.partition("?")[0].rpartition("/")[2]


def hang_up(connection, name):
    """End the app's connections, as a restart of Postgres does."""
    connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])


def structure(table):
    """Return the columns, foreign keys and indexes that a table has in the database, independent of their order."""
    columns = {(each.name, each.data_type, each.null) for each in database.get_columns(table)}
    keys = {(each.column, each.dest_table, each.dest_column) for each in database.get_foreign_keys(table)}
    indexes = sorted((each.columns, each.unique) for each in database.get_indexes(table))
    return columns, {key for key in keys if key[1] != table}, indexes


def read(admin, name):
    """Return a map of id to record with all records of a resource."""
    rows = {}
    for page in count(1):
        answer = admin.get(f"/{name}?per_page=200&page={page}").json
        rows |= {row["id"]: row for row in answer["data"]}
        if page >= answer["meta"]["pages"]:
            return rows
    return None


def state(admin, name):
    """Return the definition, the table structure and all records of a resource, to compare before and after."""
    with database.connection_context():
        found = structure(name)
    return admin.get(f"/resources/{name}").json["data"], found, read(admin, name)


def stored_state():
    """Return the generation and the names of all tables, which no refused change may alter."""
    return Generation.current(), sorted(database.get_tables())


@contextmanager
def files_of_at_most(size):
    """Let no file of this process grow beyond `size` bytes, as if the disk were full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
