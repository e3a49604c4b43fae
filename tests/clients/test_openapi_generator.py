"""Clients that openapi-generator generates, in TypeScript and in Python, work with a server. It needs Java."""

import os
import shutil
import sys
from pathlib import Path

from tests.clients.conftest import SIGNED_IN, documented, run
from tests.clients.node import FOLDER, compile_with, make_folder, run_program, run_tool

GENERATOR = Path(sys.executable).parent / "openapi-generator-cli"
PROGRAM = Path(__file__).parent / "openapi_generator_program.py"
# Its settings are those of a user. What is generated is no code for mypy's strict rules, but it has types.
MYPY = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--follow-imports=silent", PROGRAM]
IMPORT = """
import importlib, pkgutil, larder_openapi as client
for module in pkgutil.walk_packages(client.__path__, "larder_openapi."):
    importlib.import_module(module.name)
"""


def generate(language, document, folder):
    """Generate a client in a folder that has the document; a refused document is a failure."""
    if not (folder / "openapi.json").exists():
        shutil.copy(document, folder / "openapi.json")
    start = f"openapi-generator-cli generate -i openapi.json -g {language}"
    run(GENERATOR, *["generate", "-i", "openapi.json", "-g"], language, *documented(start), folder=folder)


def test_a_client_in_typescript_is_typed_and_works(address, document, tmp_path):
    folder = make_folder(tmp_path / "typescript")
    generate("typescript-fetch", document, folder)
    compile_with(folder, "typescript_fetch.ts")
    run_program(folder, f"http://{address}", *SIGNED_IN)


def test_a_client_in_python_is_typed_and_works(address, document, tmp_path):
    generate("python", document, tmp_path)
    run(*MYPY, "--cache-dir", tmp_path / "mypy", MYPYPATH=tmp_path / "client")
    call = f"import {PROGRAM.stem} as program; program.main('http://{address}', *{SIGNED_IN})"
    run(sys.executable, "-c", call, PYTHONPATH=os.pathsep.join([str(tmp_path / "client"), str(PROGRAM.parent)]))


def test_the_clients_of_an_example_are_typed(example_document, tmp_path):
    folder = make_folder(tmp_path / "typescript")
    generate("typescript-fetch", example_document, folder)
    (folder / "program.ts").write_text('export * from "./generated";\n')
    shutil.copy(FOLDER / "tsconfig.generated.json", folder / "tsconfig.json")
    run_tool("tsc", "--project", folder, "--noEmit")
    generate("python", example_document, tmp_path)
    run(sys.executable, "-c", IMPORT, PYTHONPATH=tmp_path / "client")
