"""A disk that is full, and files that disappear under a running server: nothing confirmed is lost, nothing is a 500."""

import stat
import subprocess
from contextlib import closing, contextmanager, suppress

import cysqlite
import pytest

from tests.conftest import ON_POSTGRES, PASSWORD
from tests.parts.server import Caller, running_server

EMAIL = "admin@example.com"
ADMIN = {"admin_email": EMAIL, "admin_password": PASSWORD}
CHEAP = {"argon2_time_cost": 1, "argon2_memory_kib": 8}
NOTES = {
    "name": "notes",
    "fields": {"title": {"type": "string", "max_length": 2000}},
    "access": {"list": ["public"], "read": ["public"], "create": ["public"], "update": ["public"]},
}


@pytest.fixture
def small_disk(tmp_path):
    """The folder of a file system of 64 MB: with less than 50 MB free a server is not ready."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=0700", "tmpfs", folder], check=False).returncode:
        pytest.skip("only root can mount a small file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def no_room(folder):
    """Leave no room on the disk of a folder."""
    fill(folder)
    try:
        yield
    finally:
        (folder / "ballast").unlink()


def fill(folder):
    """Take all the room there is on the disk of a folder."""
    with (folder / "ballast").open("ab", buffering=0) as ballast:
        for size in (1 << 20, 4096, 1):
            with suppress(OSError):
                while True:
                    ballast.write(b"x" * size)


def status_of(caller, method, path, body=None, headers=()):
    """Return the status of a request that is not JSON, or outside of the base path."""
    caller.connection.request(method, path, body, dict(headers) | {"Authorization": f"Bearer {caller.token}"})
    response = caller.connection.getresponse()
    response.read()
    return response.status


def writes():
    """Return writes of every kind, by name, as the arguments of Caller.call."""
    note = {"title": "x" * 2000}
    changed = NOTES | {"fields": NOTES["fields"] | {"stars": {"type": "integer"}}}
    batch = {"operations": [{"op": "create", "resource": "notes", "data": note}] * 9}
    person = {"email": "bob@example.com", "password": "a very odd password", "name": "Bob"}
    return {
        "create": ("POST", "/notes", note),
        "create once": ("POST", "/notes", note, {"Idempotency-Key": "a-key-of-mine"}),
        "batch": ("POST", "/batch", batch),
        "definition": ("PUT", "/resources/notes", changed),
        "new definition": ("POST", "/resources", NOTES | {"name": "others"}),
        "key": ("POST", "/api-keys", {"name": "mine", "roles": ["admin"]}),
        "sign-in": ("POST", "/auth/login", {"email": EMAIL, "password": PASSWORD}),
        "registration": ("POST", "/auth/register", person),
    }


def test_on_a_full_disk_writes_are_unavailable_and_reads_continue(small_disk, tmp_path):
    settings = {"data_dir": small_disk / "data", **ADMIN, **CHEAP}
    with running_server(tmp_path, **settings) as address, Caller(address) as admin:
        admin.sign_in(EMAIL, PASSWORD)
        assert admin.call("POST", "/resources", NOTES)[0] == 201
        status, answer = admin.call("POST", "/notes", {"title": "Milk"})
        assert status == 201
        path, made = f"/notes/{answer['data']['id']}", 1
        with no_room(small_disk):
            while (status := admin.call("POST", "/notes", {"title": "x" * 2000})[0]) == 201:
                made += 1
                fill(small_disk)
            assert status == 503
            found = {name: admin.call(*call)[0] for name, call in writes().items()}
            rows = "title\n" + f"{'x' * 2000}\n" * 100
            found["import"] = status_of(admin, "POST", "/api/v1/notes/import", rows, {"Content-Type": "text/csv"})
            assert set(found.values()) == {503}, found
            assert admin.call("GET", path)[0] == 200
            assert [status_of(admin, "GET", path) for path in ("/metrics", "/health/live")] == [200, 200]
        assert admin.call("POST", "/notes", {"title": "Eggs"})[0] == 201
        assert admin.call("GET", "/notes")[1]["meta"]["total"] == made + 1
        assert "unexpected error" not in (tmp_path / "server0.log").read_text()
        fill(small_disk)  # and the server still stops as it should


@ON_POSTGRES
def test_a_full_disk_without_the_database_changes_no_response(small_disk, tmp_path, database_url):
    settings = {"data_dir": small_disk / "data", "database_url": database_url, "rate_limit": "9/second", **CHEAP}
    with running_server(tmp_path, **settings) as address, Caller(address) as admin, no_room(small_disk):
        admin.sign_in(EMAIL, PASSWORD)
        assert admin.call("POST", "/resources", NOTES)[0] == 201
        found = {name: admin.call(*call)[0] for name, call in writes().items()}
        assert set(found.values()) <= {200, 201, 202}, found
        assert [status_of(admin, "GET", path) for path in ("/metrics", "/health/live")] == [200, 200]
        assert "unexpected error" not in (tmp_path / "server0.log").read_text()


def test_files_of_the_server_are_private_in_any_folder(tmp_path):
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    settings = {"data_dir": data, "rate_limit_auth": "99/minute", **ADMIN, **CHEAP}
    with running_server(tmp_path, **settings) as address, Caller(address) as admin:
        admin.sign_in(EMAIL, PASSWORD)
        assert admin.call("POST", "/backups")[0] == 201
        modes = dict(modes_in(data))
    assert {"larder.db", "larder.db-wal", "larder.db-shm", "jobs.db", "limits.db", "secret_key"} <= set(modes)
    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}


def modes_in(folder):
    """Yield the name and the mode of each file, but of none that disappears meanwhile."""
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            yield path.name, stat.S_IMODE(path.stat().st_mode)


def test_a_sort_that_needs_too_much_memory_is_refused_and_others_continue(tmp_path):
    settings = {"data_dir": tmp_path, "sqlite_memory_bytes": 64 << 20, "query_timeout_seconds": 600, **ADMIN, **CHEAP}
    with running_server(tmp_path, **settings) as address, Caller(address) as admin:
        admin.sign_in(EMAIL, PASSWORD)
        assert admin.call("POST", "/resources", NOTES)[0] == 201
        assert admin.call("POST", "/notes", {"title": "Milk"})[0] == 201
        with closing(cysqlite.connect(str(tmp_path / "larder.db"), timeout=60)) as database:
            names = [name for (name,) in database.execute("SELECT name FROM pragma_table_info('notes')")]
            new = {"id": "printf('%036d', value)", "title": "hex(randomblob(995))"}
            values = ", ".join(new.get(name, f'"{name}"') for name in names)
            numbers = "WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 40000)"
            database.execute(f"{numbers} INSERT INTO notes SELECT {values} FROM notes, n")
        status, answer = admin.call("GET", "/notes?sort=title&count=false&per_page=200&page=199")
        assert (status, answer["error"]["code"]) == (503, "UNAVAILABLE")
        assert "memory" in answer["error"]["message"]
        assert admin.call("GET", "/notes?count=false")[0] == 200
        assert admin.call("POST", "/notes", {"title": "Eggs"})[0] == 201
    assert "LARDER_SQLITE_MEMORY_BYTES" in (tmp_path / "server0.log").read_text()
