"""A client that openapi-python-client generates from the document works against a running server."""

import os
import sys
from pathlib import Path

from tests.clients.conftest import MEMBER, PASSWORD, run
from tests.conftest import ON_SQLITE
from tests.parts.server import ROOT

BINARIES = Path(sys.executable).parent
PROGRAM = Path(__file__).parent / "program.py"
# Its settings are those of a user, not those of Larder.
MYPY = [sys.executable, "-m", "mypy", "--strict", "--config-file=", PROGRAM]


def generate(document, folder):
    """Generate the package `larder_client` in a folder; a warning of the generator is a failure."""
    options = ["--config", ROOT / "docs" / "client.yml", "--output-path", folder / "larder_client", "--meta", "none"]
    command = [BINARIES / "openapi-python-client", "generate", "--path", document, "--fail-on-warning", *options]
    assert "warning" not in run(*command).lower()


def test_a_generated_client_is_typed_and_offers_relations_conditions_and_measures(address, document, tmp_path):
    generate(document, tmp_path)
    run(*MYPY, "--cache-dir", tmp_path / "mypy", MYPYPATH=tmp_path)
    call = f"import program; program.main('http://{address}', '{MEMBER}', '{PASSWORD}')"
    run(sys.executable, "-c", call, PYTHONPATH=os.pathsep.join([str(tmp_path), str(PROGRAM.parent)]))


@ON_SQLITE
def test_a_client_for_the_example_of_teams_is_generated_without_a_warning(teams_document, tmp_path):
    generate(teams_document, tmp_path)
