"""Starting: what is missing is said in a line, and a start that cannot succeed leaves nothing behind."""

import os
import re
import socket
import threading
import time
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryFile

import cysqlite
import psycopg
import pytest

from backend.config.settings import Settings
from backend.config.start import StartError, listen, open_data_dir
from backend.models.database import database
from tests.conftest import ON_SQLITE, with_database
from tests.parts.server import HOST, environment, held_port, running_server, start_process


def start(folder, **settings):
    """Start a server that is not to come up; return what it says."""
    with held_port() as port, TemporaryFile("w+") as said:
        settings = {"data_dir": folder / "data", "host": HOST, "port": port} | settings
        process = start_process(folder, environment(settings), said, said)
        try:
            status = process.wait(120)
        finally:
            process.kill()
        said.seek(0)
        message = said.read().strip()
    assert status == 1, message
    assert "Traceback" not in message
    return message


@pytest.fixture
def taken_port():
    """A port that another program listens on."""
    with socket.create_server((HOST, 0)) as other:
        yield other.getsockname()[1]


def test_a_taken_port_is_named_and_nothing_is_written(tmp_path, taken_port):
    message = start(tmp_path, port=taken_port)
    reason = "another program uses that port. Set LARDER_PORT or stop the program."
    assert message == f"Larder cannot listen on 127.0.0.1:{taken_port}: {reason}"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("203.0.113.7", "this machine does not have that address. Set LARDER_HOST."),
        ("no-such-host.invalid", "that name has no address. Set LARDER_HOST."),
    ],
)
def test_an_address_that_is_not_here_is_named(host, reason):
    with pytest.raises(StartError) as error:
        listen(Settings(host=host, port=8000))
    assert str(error.value) == f"Larder cannot listen on {host}:8000: {reason}"


def test_the_first_admin_is_made_and_printed_by_the_start_that_succeeds(tmp_path, taken_port):
    start(tmp_path, port=taken_port)
    with running_server(tmp_path, forked=False):
        pass
    assert "First admin, shown this once: sign in as admin@example.com" in (tmp_path / "server0.log").read_text()


def test_a_refused_password_of_the_first_admin_is_reported_with_its_setting(tmp_path):
    message = start(tmp_path, admin_password="password").splitlines()[-1]
    assert message.startswith("Larder cannot create the first admin. LARDER_ADMIN_PASSWORD: Too easy to guess.")
    assert "{" not in message


def test_a_data_folder_that_is_a_file_is_named(tmp_path):
    (tmp_path / "data").write_text("")
    assert start(tmp_path) == (f"Larder cannot write to LARDER_DATA_DIR={tmp_path}/data: it is not a folder.")


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path):
    message = start(tmp_path, data_dir="/proc/larder")
    assert re.fullmatch(r"Larder cannot write to LARDER_DATA_DIR=/proc/larder: [a-z ]+\.", message)


def test_a_file_of_another_account_is_named(tmp_path, monkeypatch):
    file = tmp_path / "jobs.db"
    file.touch()
    monkeypatch.setattr(os, "access", lambda path, mode: path != file)  # the tests may run as root, who may do all
    with pytest.raises(StartError) as error:
        open_data_dir(Settings(data_dir=tmp_path))
    assert str(error.value) == f"Larder cannot write to {file}. Make the account that runs Larder its owner."


def test_a_key_that_cannot_be_read_is_named(tmp_path):
    key = tmp_path / "data" / "secret_key"
    key.mkdir(parents=True)
    fix = "Make the account that runs Larder its owner."
    assert start(tmp_path) == f"Larder cannot read {key}: is a directory. {fix}"
    key.rmdir()
    key.write_bytes(b"\xff" * 40)
    assert start(tmp_path) == f"{key} is damaged: it is not a text. Restore it, or delete it for a new one."


def test_a_file_that_is_no_database_is_named(tmp_path):
    (tmp_path / "junk.db").write_text("not a database " * 1000)
    message = start(tmp_path, database_url=f"sqlite:///{tmp_path}/junk.db")
    assert message == (
        f"{tmp_path}/junk.db is not an SQLite database, or it is damaged. "
        "Move it away, then start again or run `flask backup restore`."
    )


@ON_SQLITE
def test_a_page_that_is_damaged_is_named_when_it_is_read(tmp_path, admin, database_url):
    choices = [f"choice{number:04}" for number in range(200)]  # two definitions have a page
    for number in range(6):
        admin.declare(f"places{number}", {f"field{number}": {"type": "enum", "choices": choices}})
    database.close_all()
    path = Path(database_url.removeprefix("sqlite:///"))
    content, size = path.read_bytes(), 4096
    pages = [content[start : start + size] for start in range(0, len(content), size)]
    is_lost = [b'"field5"' in page and b'"choices"' in page for page in pages]
    assert any(is_lost)
    path.write_bytes(b"".join(bytes(size) if lost else page for page, lost in zip(pages, is_lost, strict=True)))
    message = start(tmp_path, database_url=database_url)
    assert message.splitlines()[-1] == (
        f"{path} is not an SQLite database, or it is damaged. "
        "Move it away, then start again or run `flask backup restore`."
    )


def test_a_database_that_is_a_folder_is_named(tmp_path):
    (tmp_path / "larder.db").mkdir()
    message = start(tmp_path, database_url=f"sqlite:///{tmp_path}/larder.db")
    assert message == (
        f"Larder cannot open its database {tmp_path}/larder.db: it is a folder. Set LARDER_DATABASE_URL to a file."
    )


def test_a_missing_postgres_database_or_server_is_named(tmp_path, postgres_url):
    message = start(tmp_path, database_url=with_database(postgres_url, "nowhere"))
    assert 'database "nowhere" does not exist. Create it: createdb --owner=postgres nowhere' in message
    assert len(message.splitlines()) == 1
    message = start(tmp_path, database_url="postgresql://larder:secret@127.0.0.1:1/larder")
    assert "refused" in message
    assert message.endswith("Start the server, or set LARDER_DATABASE_URL.")
    assert "secret" not in message
    assert "?." not in message


def test_a_postgres_database_in_another_encoding_is_named(tmp_path, postgres_url):
    name = f"larder_start_latin_{os.getpid()}"
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
        try:
            message = start(tmp_path, database_url=with_database(postgres_url, name))
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    assert len(message.splitlines()) == 1
    assert f"Larder cannot use its Postgres database {name}: The database has the encoding LATIN1" in message
    assert "CREATE DATABASE larder ENCODING 'UTF8' TEMPLATE template0;" in message


def test_a_postgres_schema_without_rights_is_named(tmp_path, postgres_url):
    name = f"larder_start_{os.getpid()}"
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        server.execute(f"CREATE ROLE {name} LOGIN")
        try:
            url = with_database(postgres_url, name).replace("postgres@", f"{name}@")
            message = start(tmp_path, database_url=url)
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")
            server.execute(f"DROP ROLE {name}")
    assert f"The role {name} may not create tables in the schema public." in message
    assert message.endswith(f'GRANT CREATE, USAGE ON SCHEMA public TO "{name}";')


def test_a_start_with_nothing_to_write_waits_for_no_writer(tmp_path):
    with running_server(tmp_path):
        pass
    with closing(cysqlite.connect(str(tmp_path / "larder.db"))) as other:
        other.execute("BEGIN IMMEDIATE")
        with running_server(tmp_path, database_timeout_seconds=1, jobs="off"):
            pass
        other.rollback()


def test_a_start_with_something_to_write_waits_for_the_writer(tmp_path):
    log = tmp_path / "server0.log"

    def release_when_waited_for():
        while not (log.exists() and "the start waits for the database" in log.read_text()):
            time.sleep(0.1)
        other.rollback()

    with closing(cysqlite.connect(str(tmp_path / "larder.db"))) as other:
        other.execute("PRAGMA journal_mode=wal")
        other.execute("BEGIN IMMEDIATE")
        releasing = threading.Thread(target=release_when_waited_for, daemon=True)
        releasing.start()
        with running_server(tmp_path, database_timeout_seconds=1):
            releasing.join()
    assert "First admin, shown this once" in log.read_text()
