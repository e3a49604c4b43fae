"""The rules of the source itself: imports, docstrings, words, caught exceptions, reads of the environment."""

import ast
import re
from pathlib import Path

BACKEND = Path(__file__).parents[1] / "backend"
MIGRATIONS = BACKEND / "models" / "migrations"  # their models are frozen copies, explained where they are in use

DATABASE = BACKEND / "models" / "database"
DIALECTS = [path for path in DATABASE.glob("*.py") if path.stem.startswith(("sqlite", "postgres"))]

# Room: the rooms it may import from, beside itself. A room ends where one of a longer name begins.
_BELOW_SERVICES = {"services.errors", "models", "config", "utils"}
MAY_IMPORT = {
    "cli": {"routes.toolkit", "middleware", "services", "models", "config", "utils"},
    "routes": {"routes.toolkit", "middleware", "services", "utils"},
    "routes.toolkit": {"middleware", "services", "models", "config", "utils"},
    "middleware": {"services", "models", "config", "utils"},
    "services.errors": {"utils"},
    "services.access": _BELOW_SERVICES,
    "services.storage": _BELOW_SERVICES,
    "services.files": {"services.access", "services.storage", *_BELOW_SERVICES},
    "services.field_types": {"services.files", *_BELOW_SERVICES},
    "services.definitions": {
        "services.access",
        "services.storage",
        "services.field_types",
        "services.files",
        *_BELOW_SERVICES,
    },
    "services.operation": {"services.access", "services.definitions", "services.files", *_BELOW_SERVICES},
    "services.records": {
        *("services.access", "services.storage", "services.field_types", "services.definitions", "services.files"),
        *_BELOW_SERVICES,
    },
    "services.accounts": {
        *("services.access", "services.storage", "services.field_types", "services.definitions"),
        *("services.records", "services.operation"),
        *_BELOW_SERVICES,
    },
    "services.webhooks": {
        *("services.access", "services.storage", "services.definitions", "services.records", "services.accounts"),
        *("services.operation", *_BELOW_SERVICES),
    },
    "services.backups": {"services.access", "services.files", "services.operation", *_BELOW_SERVICES},
    "services.health": {
        *("services.access", "services.definitions", "services.accounts", "services.backups", "services.operation"),
        *("services.files", "services.webhooks", *_BELOW_SERVICES),
    },
    "services.documents": {"services.access", "services.definitions", "services.accounts", *_BELOW_SERVICES},
    "models": {"utils"},
    "config": {"utils"},
    "utils": set(),
}
UNBOUND = {"__init__", "server"}  # they wire everything together

# Words that have to be read twice, also as part of a name such as `is_told`: a message is sent, a value is checked.
MISREAD = re.compile(r"(?<![a-z])(?:told|judge[ds]?|stands?|whoever)(?![a-z])", re.IGNORECASE)

SOURCES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(BACKEND.rglob("*.py"))}


def module_name(path):
    """Return the dotted name of a file below backend/, without `backend`."""
    parts = path.relative_to(BACKEND).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def imported(tree):
    """Return the dotted names of everything of ours that a module imports, wherever in it, without `backend`."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = ("backend." if node.level else "") + (node.module or "")
            names |= {f"{module}.{alias.name}" for alias in node.names}
    return {name.removeprefix("backend.") for name in names if name.startswith("backend.")}


IMPORTS = {module_name(path): imported(tree) for path, tree in SOURCES.items()}


def public(tree):
    """Yield every public class and function of a module, and the public methods of its classes."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            yield node
            for part in getattr(node, "body", []) if isinstance(node, ast.ClassDef) else []:
                if isinstance(part, ast.FunctionDef) and not part.name.startswith("_"):
                    yield part


# What the databases answer is documented once, where it is asked.
INTERFACES = [node for name in ("dialect.py", "arithmetic.py", "sums.py") for node in public(SOURCES[DATABASE / name])]
ASKED_OF_DIALECTS = {node.name for node in INTERFACES if ast.get_docstring(node)}


def places(found):
    """Return the nodes found, by path, as readable places."""
    return [f"{path.relative_to(BACKEND.parent)}:{getattr(node, 'lineno', 1)}" for path, node in found]


def room_of(name):
    """Return the room that a dotted name is in; `services` alone is in none."""
    rooms = [room for room in MAY_IMPORT if f"{name}.".startswith(f"{room}.")]
    return max(rooms, key=len, default=name.split(".")[0])


def may_import(room, name):
    """Return whether a module of a room may import a name; no two files of routes/ know each other."""
    target = room_of(name)
    within = target == room and room != "routes"
    return within or target in MAY_IMPORT[room] or target.split(".")[0] in MAY_IMPORT[room]


def test_no_test_module_imports_another():
    tests = Path(__file__).parent.rglob("test_*.py")
    assert [str(path) for path in tests if re.search(r"^from tests\S*\.test_", path.read_text(), re.M)] == []


def test_finds_the_source():
    assert set(MAY_IMPORT) | UNBOUND | {"services"} == {room_of(name) for name in IMPORTS}
    assert "services.records.records" in IMPORTS["routes.toolkit.writes"]


def test_imports_point_one_way():
    breaches = [
        f"{module} imports {name}"
        for module, names in IMPORTS.items()
        for name in sorted(names)
        if module not in UNBOUND and not may_import(room_of(module), name)
    ]
    assert breaches == []


def test_imports_have_no_cycles():
    # `a.b` may be the module `a.b` or the name `b` of the module `a`.
    edges = {
        module: {name if name in IMPORTS else name.rpartition(".")[0] for name in names} & set(IMPORTS)
        for module, names in IMPORTS.items()
    }
    while leaves := {module for module, targets in edges.items() if not targets & set(edges)}:
        edges = {module: targets for module, targets in edges.items() if module not in leaves}
    assert edges == {}


def test_everything_public_has_a_docstring():
    undocumented = [
        (path, node)
        for path, tree in SOURCES.items()
        for node in [tree, *public(tree)]
        if not ast.get_docstring(node)
        and not (path.is_relative_to(MIGRATIONS) and isinstance(node, ast.ClassDef))
        and not (path in DIALECTS and node.name in ASKED_OF_DIALECTS)
    ]
    assert places(undocumented) == []


def test_words_with_several_meanings_are_not_used():
    found = {
        f"{path.relative_to(BACKEND)}: {word}"
        for path in SOURCES
        for word in MISREAD.findall(path.read_text(encoding="utf-8"))
    }
    assert found == set()


def test_only_database_models_name_the_dialects():
    knowing = [
        (path, node)
        for path, tree in SOURCES.items()
        for node in ast.walk(tree)
        if path.parent != DATABASE and {getattr(node, "id", ""), getattr(node, "name", "")} & {"Sqlite", "Postgres"}
    ]
    assert places(knowing) == []


def test_no_function_writes_a_global():
    written = [
        (path, node) for path, tree in SOURCES.items() for node in ast.walk(tree) if isinstance(node, ast.Global)
    ]
    assert places(written) == []


def test_no_handler_catches_all_exceptions():
    catch_alls = [
        (path, node)
        for path, tree in SOURCES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or {"Exception", "BaseException"} & {getattr(n, "id", "") for n in ast.walk(node.type)})
    ]
    # Flask answers all errors: it raises that of a read or write without Flask again. A stream runs after Flask, and
    # reports its own, as the thread of the webhooks does.
    without_flask = {
        "routes/toolkit/reads.py",
        "routes/toolkit/streaming.py",
        "services/webhooks/dispatcher.py",
    }
    assert {path.relative_to(BACKEND).as_posix() for path, _ in catch_alls} == without_flask


def field_types_asked_for(tree):
    """Yield the nodes of a module that ask whether something is of a class of services/field_types/."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    types = {
        alias.asname or alias.name
        for node in imports
        if (node.module or "").startswith("backend.services.field_types")
        for alias in node.names
    }
    for node in ast.walk(tree):
        asked = ()
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) in ("isinstance", "issubclass"):
            asked = ast.walk(node.args[1])
        elif isinstance(node, ast.MatchClass):
            asked = ast.walk(node.cls)
        if types & {getattr(each, "id", None) for each in asked}:
            yield node


def test_only_field_types_check_for_classes_of_field_types():
    asking = [
        (path, node)
        for path, tree in SOURCES.items()
        if path.parent != BACKEND / "services" / "field_types"
        for node in field_types_asked_for(tree)
    ]
    assert places(asking) == []


def test_only_the_settings_read_the_environment():
    readers = [
        (path, node)
        for path, tree in SOURCES.items()
        for node in ast.walk(tree)
        if path.parent != BACKEND / "config"
        and (getattr(node, "attr", None) in ("environ", "environb", "getenv"))
        and getattr(node.value, "id", None) == "os"
    ]
    from_os = [
        (path, node)
        for path, tree in SOURCES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "os" and path.parent != BACKEND / "config"
    ]
    assert places(readers + from_os) == []


def test_functions_have_at_most_40_lines_and_files_300():
    long_functions = [
        (path, node)
        for path, tree in SOURCES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno >= 40
    ]
    assert places(long_functions) == []
    assert [str(path) for path in SOURCES if len(path.read_text(encoding="utf-8").splitlines()) > 300] == []
