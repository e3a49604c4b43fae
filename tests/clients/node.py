"""Runs the tools in TypeScript: those of `typescript/node_modules`, with the Node.js that is there, if there is one."""

import os
import shutil
from pathlib import Path

from tests.clients.conftest import run

FOLDER = Path(__file__).parent / "typescript"
MODULES = FOLDER / "node_modules"
# npm installs Node.js itself where it can, because that of the system is often too old for the generators.
PATH = os.pathsep.join([*(str(path) for path in sorted(MODULES.glob("node-*/bin"))), os.environ["PATH"]])


def run_tool(name, *arguments, folder=None):
    """Run a tool in a folder, and return its output."""
    return run(MODULES / ".bin" / name, *arguments, folder=folder, PATH=PATH, NO_COLOR=1)


def make_folder(path, *files):
    """Make a folder in which the packages are found, with copies of these files of `typescript/`; return it."""
    path.mkdir()
    (path / "node_modules").symlink_to(MODULES)
    for name in files:
        shutil.copy(FOLDER / name, path)
    return path


def compile_with(folder, program, config="tsconfig.generated.json"):
    """Check and compile a program of `typescript/`, as `program.ts` in the folder, and everything that it imports."""
    shutil.copy(FOLDER / program, folder / "program.ts")
    shutil.copy(FOLDER / config, folder / "tsconfig.json")
    run_tool("tsc", "--project", folder, "--outDir", folder / "built")


def run_program(folder, *arguments):
    """Run the compiled program."""
    run("node", folder / "built" / "program.js", *arguments, PATH=PATH)
