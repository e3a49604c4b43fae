"""Servers with the resources of `resources.yml` on each database, and documents to generate clients from."""

import http.client
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.conftest import PASSWORD
from tests.helpers import bearer
from tests.parts.server import ROOT, Caller, environment, running_server

OWNER, MEMBER = "admin@example.com", "ann@example.com"
SIGNED_IN = (MEMBER, PASSWORD, OWNER)  # the arguments of a program, after the address of the server


def run(*command, folder=None, **variables):
    """Run a command in a folder, with these environment variables, and return its output."""
    environment = os.environ | {name: str(value) for name, value in variables.items()}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def documented(start):
    """Return the arguments of the one command in docs/clients.md that begins like this."""
    page = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
    (command,) = [each for each in re.findall(r"\| `([^`]+)` \|", page) if each.startswith(f"{start} ")]
    return shlex.split(command.removeprefix(start))


@pytest.fixture
def address(tmp_path, database_url):
    """The address of a server with the resources, and with the member Ann."""
    declared = yaml.safe_load((Path(__file__).parent / "resources.yml").read_text())
    calls = [("PUT", "/users/settings", declared["users"])]
    calls += [("POST", "/resources", {"name": name} | each) for name, each in declared["resources"].items()]
    calls.append(("POST", "/users", {"email": MEMBER, "name": "Ann", "password": PASSWORD}))
    with running_server(tmp_path, database_url=database_url) as address:
        with Caller(address) as caller:
            caller.sign_in(OWNER, PASSWORD)
            for call in calls:
                status, answer = caller.call(*call)
                assert status in (200, 201), answer
        yield address


def fetch(address, path, file):
    """Write to a file what Ann gets at a path of the server; return the file."""
    with Caller(address) as caller:
        token = caller.sign_in(MEMBER, PASSWORD).token
    connection = http.client.HTTPConnection(address)
    connection.request("GET", path, headers=bearer(token))
    file.write_bytes(connection.getresponse().read())
    connection.close()
    return file


@pytest.fixture
def document(address, tmp_path):
    """The file with the OpenAPI document that the member gets."""
    return fetch(address, "/openapi.json", tmp_path / "openapi.json")


@pytest.fixture(scope="session", params=["geo", "teams"])
def example_document(request, tmp_path_factory):
    """The file with the whole OpenAPI document of an example, written with the commands that a user types."""
    folder = tmp_path_factory.mktemp(request.param)
    resources, file = ROOT / "examples" / request.param / "resources.yml", folder / "openapi.json"
    commands = [["db", "upgrade"], ["resources", "apply", resources], ["openapi", "write", file]]
    variables = environment({"data_dir": folder, "database_url": f"sqlite:///{folder}/larder.db"})
    for command in commands:
        done = subprocess.run(
            [ROOT / ".venv" / "bin" / "flask", "--app", ROOT / "wsgi.py", *command],
            cwd=folder,
            env=variables,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    return file
