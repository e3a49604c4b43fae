"""A client that openapi-python-client generates from the document works against a running server."""

import os
import shutil
import sys
from pathlib import Path

from tests.clients.conftest import SIGNED_IN, documented, run
from tests.parts.server import ROOT

BINARIES = Path(sys.executable).parent
PROGRAM = Path(__file__).parent / "program.py"
# Its settings are those of a user, not those of Larder.
MYPY = [sys.executable, "-m", "mypy", "--strict", "--config-file=", PROGRAM]


def generate(document, folder):
    """Generate the package `larder_client` in a folder; a warning of the generator is a failure."""
    shutil.copy(ROOT / "docs" / "client.yml", folder)
    if document.parent != folder:
        shutil.copy(document, folder)
    command = "openapi-python-client generate"
    options = [*documented(command), "--fail-on-warning"]
    assert "warning" not in run(BINARIES / "openapi-python-client", "generate", *options, folder=folder).lower()


def test_a_generated_client_is_typed_and_offers_relations_conditions_and_measures(address, document, tmp_path):
    generate(document, tmp_path)
    run(*MYPY, "--cache-dir", tmp_path / "mypy", MYPYPATH=tmp_path)
    call = f"import program; program.main('http://{address}', *{SIGNED_IN})"
    run(sys.executable, "-c", call, PYTHONPATH=os.pathsep.join([str(tmp_path), str(PROGRAM.parent)]))


def test_a_client_for_an_example_is_generated_without_a_warning(example_document, tmp_path):
    generate(example_document, tmp_path)
