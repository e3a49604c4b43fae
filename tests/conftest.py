"""The cast and the stage: an app on a fresh database, once on SQLite and once on Postgres, and people who use it."""

import gc
import os
import shutil
import threading
from contextlib import contextmanager
from itertools import count

import psycopg
import pytest
from flask.testing import FlaskClient

from backend import create_app
from backend.config.settings import Settings
from backend.models.database import database
from backend.services.access.actors import SYSTEM
from backend.services.accounts import users
from backend.services.accounts.passwords import hashing
from backend.services.operation import migrations
from backend.services.operation.metrics import metrics
from tests.helpers import assert_problems
from tests.parts import geo
from tests.parts.both_ways import compare_both_ways
from tests.parts.memory import memory_folder
from tests.parts.postgres import BINARIES, running_postgres
from tests.parts.server import ROOT, WITHOUT_LIMITS
from tests.parts.smtp import smtp_server

PASSWORD, NEW_PASSWORD = "correct horse battery", "staple battery horse correct"
PEOPLE = {"admin": ["admin", "member"], "alice": ["member"], "bob": ["member"], "edith": ["member", "editor"]}
SECRET_KEY = "a key for tests that is long enough to sign with"
# The cheapest hashes there are, and no limits but where they are tested.
CHEAP = {"argon2_time_cost": 1, "argon2_memory_kib": 8, **WITHOUT_LIMITS}
# For a test of what is settled before a database is asked, where once is enough, or of one of them.
ON_SQLITE, ON_POSTGRES = (
    pytest.mark.parametrize("database_url", [name], indirect=True) for name in ("sqlite", "postgres")
)

_numbers = count(1)


def pytest_configure():
    """Keep the files of tests in memory if there is enough: a commit on disk waits for it. Else they are in .tmp."""
    if "PYTEST_DEBUG_TEMPROOT" not in os.environ:
        folder = memory_folder() or ROOT / ".tmp"
        folder.mkdir(exist_ok=True)
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(folder)


def pytest_collection_finish():
    """Exclude everything that is loaded now from garbage collections, and collect less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 20, 20)


@pytest.hookimpl(tryfirst=True)  # xdist reads the marks in its own
def pytest_collection_modifyitems(items):
    """Keep the tests that need the example on one worker for each database: loading it takes seconds."""
    for item in items:
        if "geo_url" in item.fixturenames:
            item.add_marker(pytest.mark.xdist_group(f"geo-{item.callspec.params['geo_url']}"))


OTHER_DETAILS = ("plan", "checks")  # details of an error that are no problems of values


@pytest.fixture(scope="session", autouse=True)
def checked_errors():
    """Check the details of every error that a test client gets."""
    send = FlaskClient.open

    def send_and_check(self, *arguments, **options):
        response = send(self, *arguments, **options)
        if response.status_code >= 400 and response.mimetype == "application/json" and response.data:
            details = response.json["error"]["details"]
            assert_problems({part: problems for part, problems in details.items() if part not in OTHER_DETAILS})
        return response

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FlaskClient, "open", send_and_check)
        yield


@pytest.fixture(scope="session", autouse=True)
def both_ways():
    """Compare every read without Flask with the same read through Flask."""
    with pytest.MonkeyPatch.context() as patch:
        compare_both_ways(patch)
        yield


class Person:
    """Somebody who sends requests: `person.get("/cities")` is below the base path and, with an account, signed in."""

    def __init__(self, app, name=None):
        self.client = app.test_client()
        self.name = name
        self.email = name and f"{name}@example.com"
        self._token = None

    @property
    def token(self):
        """The access token, got by signing in at the first call."""
        if self._token is None and self.name:
            self._token = self.sign_in()["access_token"]
        return self._token

    @property
    def id(self):
        """The id of the account."""
        return self.get("/auth/me").json["data"]["id"]

    def forget_token(self):
        """Sign in anew before the next request."""
        self._token = None

    def sign_in(self):
        """Sign in anew and return the tokens."""
        credentials = {"email": self.email, "password": PASSWORD}
        return self.client.post("/api/v1/auth/login", json=credentials).json["data"]

    def send(self, method, path, **options):
        """Send a request; a path outside the base path is given with its host: `http://localhost/health/live`."""
        headers = dict(options.pop("headers", {}))
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        url = path if path.startswith("http") else f"/api/v1{path}"
        return self.client.open(url, method=method, headers=headers, **options)

    def get(self, path, **options):
        return self.send("GET", path, **options)

    def get_made(self, answer):
        """Return the data at the Location of an answer."""
        return self.get(answer.headers["Location"].removeprefix("/api/v1")).json["data"]

    def post(self, path, **options):
        return self.send("POST", path, **options)

    def put(self, path, **options):
        return self.send("PUT", path, **options)

    def patch(self, path, **options):
        return self.send("PATCH", path, **options)

    def delete(self, path, **options):
        return self.send("DELETE", path, **options)

    def declare(self, name, fields, **rest):
        """Declare a resource and return the answer's data."""
        response = self.post("/resources", json={"name": name, "fields": fields, **rest})
        assert response.status_code == 201, response.json
        return response.json["data"]

    def make(self, resource, **values):
        """Create a record and return it."""
        response = self.post(f"/{resource}", json=values)
        assert response.status_code == 201, response.json
        return response.json["data"]


def _fill(url):
    """Migrate the database of `url` and add the people."""
    settings = Settings(database_url=url, **CHEAP)
    database.open(settings)
    hashing.open(settings)
    migrations.upgrade()
    with database.connection_context():
        for name, roles in PEOPLE.items():
            users.create_user(SYSTEM, email=f"{name}@example.com", password=PASSWORD, name=name.title(), roles=roles)
    database.close_all()


@pytest.fixture(scope="session")
def postgres_url():
    """The URL of a Postgres server's maintenance database."""
    os.environ["PATH"] = f"{BINARIES}{os.pathsep}" + os.environ["PATH"]  # for backups
    if url := os.environ.get("LARDER_TEST_POSTGRES_URL"):
        yield url
    else:
        with running_postgres(["autovacuum=off"]) as server:  # it commits: kept responses would end at any moment
            yield server.url


@pytest.fixture(scope="session")
def postgres(postgres_url):
    """A connection to make and drop databases with."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def postgres_template(postgres, postgres_url):
    """The URL of a database with people in it to copy from."""
    name = f"larder_template_{os.getpid()}"
    postgres.execute(f"CREATE DATABASE {name}")
    url = with_database(postgres_url, name)
    _fill(url)
    yield url
    postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory):
    """The URL of a database file with people in it to copy from."""
    url = f"sqlite:///{tmp_path_factory.mktemp('template') / 'larder.db'}"
    _fill(url)
    return url


@pytest.fixture
def tmp_path(tmp_path):
    """A folder whose path no other test has: pytest deletes that of a test that passes, and gives its name again."""
    folder = tmp_path / str(next(_numbers))
    folder.mkdir()
    return folder


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request, tmp_path):
    """The URL of a fresh database with the people in it."""
    with database_copy(request, request.getfixturevalue(f"{request.param}_template"), tmp_path) as url:
        yield url


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def geo_url(request, tmp_path_factory):
    """The URL of a database with the people and the example of examples/geo in it; only to be read or copied."""
    folder = tmp_path_factory.mktemp("geo")
    with database_copy(request, request.getfixturevalue(f"{request.param}_template"), folder) as url:
        geo.load(_settings(url, folder))
        database.close_all()
        yield url


@contextmanager
def database_copy(request, template, folder):
    """Yield the URL of a copy, with `folder` for a file, of a database that nobody is connected to."""
    if template.startswith("sqlite:///"):
        copy = folder / "larder.db"
        shutil.copy(template.removeprefix("sqlite:///"), copy)
        yield f"sqlite:///{copy}"
        return
    postgres, name = request.getfixturevalue("postgres"), f"larder_test_{os.getpid()}_{next(_numbers)}"
    # As files: half the work of a copy through the log.
    postgres.execute(f"CREATE DATABASE {name} TEMPLATE {_database_of(template)} STRATEGY FILE_COPY")
    yield with_database(request.getfixturevalue("postgres_url"), name)
    postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _database_of(url):
    """Return the name of the database in a Postgres URL."""
    return url.partition("?")[0].rpartition("/")[2]


def with_database(url, name):
    """Return the server URL with another database in it."""
    head, _, options = url.partition("?")
    return f"{head.rpartition('/')[0]}/{name}" + (f"?{options}" if options else "")


@pytest.fixture
def settings(database_url, tmp_path):
    """The settings of the app under test."""
    yield _settings(database_url, tmp_path)
    metrics.close()  # its thread would log that the folder is gone
    for thread in threading.enumerate():
        if thread.name == "feed":  # it ends soon, but would still look into the database of the next test
            thread.join(10)


def _settings(url, folder):
    return Settings(data_dir=folder, database_url=url, secret_key=SECRET_KEY, log_level="WARNING", **CHEAP)


@pytest.fixture
def read_lines(capfd):
    """A function that returns the lines logged since its last call."""
    return lambda: capfd.readouterr().err.splitlines()


@pytest.fixture
def mailbox():
    """The mails that an SMTP server has received; its address is `mailbox.url`."""
    with smtp_server() as (url, mailbox):
        mailbox.url = url
        yield mailbox


@pytest.fixture
def app(settings):
    """The app under test."""
    yield create_app(settings)
    database.close_all()


@pytest.fixture
def admin(app):
    """May do everything."""
    return Person(app, "admin")


@pytest.fixture
def alice(app):
    """A member; where something has an owner, it is her."""
    return Person(app, "alice")


@pytest.fixture
def bob(app):
    """Another member."""
    return Person(app, "bob")


@pytest.fixture
def edith(app):
    """A member with the role `editor`."""
    return Person(app, "edith")


@pytest.fixture
def stranger(app):
    """Somebody who is not signed in."""
    return Person(app)
