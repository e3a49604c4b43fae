"""Clients in TypeScript, from the newest version of each generator and from `/client.ts`, work with a server.

`make test-clients` installs the packages that they need.
"""

import shutil

import pytest

from tests.clients.conftest import SIGNED_IN, documented, fetch
from tests.clients.node import FOLDER, compile_with, make_folder, run_program, run_tool

# By program: the command that generates its client, what else is copied, and how the program is compiled.
GENERATORS = {
    "program.ts": ("npx openapi-typescript", ["package.json"], "tsconfig.json"),
    "hey_api.ts": ("npx @hey-api/openapi-ts", [], "tsconfig.generated.json"),
    "orval.ts": ("npx orval", ["fetch.ts", "orval.config.mjs"], "tsconfig.generated.json"),
}


def generate(program, document, folder):
    """Generate the client of a program in a new folder; a warning is a failure. Return how to compile it."""
    command, files, config = GENERATORS[program]
    make_folder(folder, *files)
    shutil.copy(document, folder / "openapi.json")
    tool = command.removeprefix("npx ").rpartition("/")[2]
    assert "warning" not in run_tool(tool, *documented(command), folder=folder).lower()
    return config


@pytest.mark.parametrize("program", GENERATORS)
def test_a_generated_client_is_typed_and_works(program, address, document, tmp_path):
    folder = tmp_path / "typescript"
    compile_with(folder, program, generate(program, document, folder))
    run_program(folder, f"http://{address}", *SIGNED_IN)


@pytest.mark.parametrize("program", GENERATORS)
def test_the_client_of_an_example_is_typed(program, example_document, tmp_path):
    folder = tmp_path / "typescript"
    config = generate(program, example_document, folder)
    (folder / "program.ts").write_text(f'export * from "./{"api.js" if program == "program.ts" else "generated"}";\n')
    shutil.copy(FOLDER / config, folder / "tsconfig.json")
    run_tool("tsc", "--project", folder, "--noEmit")


def test_the_types_of_larder_itself_fit_and_refuse_mistakes(address, tmp_path):
    folder = make_folder(tmp_path / "typescript")
    fetch(address, "/api/v1/client.ts", folder / "larder.ts")
    compile_with(folder, "types.ts")
    run_program(folder, f"http://{address}", *SIGNED_IN)
