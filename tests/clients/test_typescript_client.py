"""Types that openapi-typescript generates from the document, and a program that uses them, work with a server.

It needs `node`, and the packages that `make test-clients` installs.
"""

import shutil
from pathlib import Path

import pytest

from tests.clients.conftest import MEMBER, PASSWORD, run
from tests.conftest import ON_SQLITE

FOLDER = Path(__file__).parent / "typescript"
TOOLS = FOLDER / "node_modules" / ".bin"


def generate(document, folder):
    """Generate `api.ts` in a folder in which the packages can be found; a warning is a failure."""
    (folder / "node_modules").symlink_to(FOLDER / "node_modules")
    for name in ("package.json", "tsconfig.json"):
        shutil.copy(FOLDER / name, folder)
    output = run(TOOLS / "openapi-typescript", document, "-o", folder / "api.ts", "--default-non-nullable=false")
    assert "warning" not in output.lower()


@pytest.fixture
def folder(tmp_path):
    """An empty folder for a program."""
    folder = tmp_path / "typescript"
    folder.mkdir()
    return folder


def test_a_program_is_typed_and_uses_relations_conditions_and_measures(address, document, folder):
    generate(document, folder)
    shutil.copy(FOLDER / "program.ts", folder)
    run(TOOLS / "tsc", "--project", folder, "--outDir", folder / "built")
    run("node", folder / "built" / "program.js", f"http://{address}", MEMBER, PASSWORD)


@ON_SQLITE
def test_the_types_of_the_example_of_teams_are_generated_without_a_warning(teams_document, folder):
    generate(teams_document, folder)
    run(TOOLS / "tsc", "--project", folder, "--noEmit")
