"""A server with the resources of `resources.yml`, and the document of a member."""

import http.client
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.helpers import bearer
from tests.parts import teams
from tests.parts.server import Caller, running_server

EMAIL, MEMBER, PASSWORD = "owner@example.com", "ann@example.com", "correct horse battery"


def run(*command, **variables):
    """Run a command with these environment variables, and return its output."""
    environment = os.environ | {name: str(value) for name, value in variables.items()}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def address(tmp_path):
    """The address of a server with the resources, and with the member Ann."""
    declared = yaml.safe_load((Path(__file__).parent / "resources.yml").read_text())
    calls = [("PUT", "/users/settings", declared["users"])]
    calls += [("POST", "/resources", {"name": name} | each) for name, each in declared["resources"].items()]
    calls.append(("POST", "/users", {"email": MEMBER, "name": "Ann", "password": PASSWORD}))
    with running_server(tmp_path, admin_email=EMAIL, admin_password=PASSWORD) as address:
        with Caller(address) as caller:
            caller.sign_in(EMAIL, PASSWORD)
            for call in calls:
                status, answer = caller.call(*call)
                assert status in (200, 201), answer
        yield address


@pytest.fixture
def document(address, tmp_path):
    """The file with the OpenAPI document that the member gets."""
    with Caller(address) as caller:
        token = caller.sign_in(MEMBER, PASSWORD).token
    connection = http.client.HTTPConnection(address)
    connection.request("GET", "/openapi.json", headers=bearer(token))
    file = tmp_path / "openapi.json"
    file.write_bytes(connection.getresponse().read())
    connection.close()
    return file


@pytest.fixture
def teams_document(settings, alice, tmp_path):
    """The file with the OpenAPI document that a member gets of the example of teams, on SQLite."""
    teams.apply(settings)
    file = tmp_path / "teams.json"
    file.write_bytes(alice.get("http://localhost/openapi.json").data)
    return file
