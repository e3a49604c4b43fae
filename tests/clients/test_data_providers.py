"""The data providers in examples/ do what react-admin and refine ask of one; needs `node`, but no packages."""

from pathlib import Path

import pytest

from tests.clients.conftest import OWNER, run
from tests.conftest import PASSWORD
from tests.parts.server import Caller, running_server

PROGRAM = Path(__file__).parent / "providers.mjs"
SHELVES = {
    "name": "shelves",
    "fields": {"title": {"type": "string", "required": True}, "places": {"type": "integer"}},
}
BOXES = {"name": "boxes", "fields": {"label": {"type": "string"}, "shelf": {"type": "reference", "to": "shelves"}}}


@pytest.fixture
def address(tmp_path, database_url):
    """The address of a server with shelves and boxes."""
    with running_server(tmp_path, database_url=database_url) as address:
        with Caller(address) as caller:
            caller.sign_in(OWNER, PASSWORD)
            for definition in (SHELVES, BOXES):
                assert caller.call("POST", "/resources", definition)[0] == 201
        yield address


def test_the_providers_list_read_write_and_explain_refusals(address):
    run("node", PROGRAM, f"http://{address}/api/v1", OWNER, PASSWORD)
