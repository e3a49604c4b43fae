"""The rules of the source itself: who imports whom, what is documented, what is caught, who reads the environment."""

import ast
from pathlib import Path

BACKEND = Path(__file__).parents[1] / "backend"
MIGRATIONS = BACKEND / "models" / "migrations"  # their models are frozen copies, explained where they are in use

MAY_IMPORT = {
    "routes": {"middleware", "services", "utils"},
    "middleware": {"middleware", "services", "models", "config", "utils"},
    "services": {"services", "models", "config", "utils"},
    "models": {"models", "utils"},
    "config": {"config", "utils"},
    "utils": set(),
}
# Between the rooms of services/, `errors` apart, which all may import.
ROOMS = {
    "access": set(),
    "storage": set(),
    "field_types": set(),
    "operation": {"definitions"},
    "definitions": {"access", "storage", "field_types"},
    "records": {"access", "storage", "field_types", "definitions"},
    "accounts": {"access", "storage", "field_types", "definitions", "records", "operation"},
    "backups": {"access", "operation"},
    "health": {"access", "accounts", "backups", "definitions", "operation"},
}
UNBOUND = {"__init__", "cli", "server"}  # they wire everything together

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


def places(found):
    """Return the nodes found, by path, as readable places."""
    return [f"{path.relative_to(BACKEND.parent)}:{getattr(node, 'lineno', 1)}" for path, node in found]


def test_finds_the_source():
    assert set(MAY_IMPORT) | UNBOUND == {name.split(".")[0] for name in IMPORTS}
    assert "services.records.records" in IMPORTS["routes.records"]


def test_imports_point_one_way():
    breaches = [
        f"{module} imports {name}"
        for module, names in IMPORTS.items()
        for name in sorted(names)
        if module not in UNBOUND and name.split(".")[0] not in MAY_IMPORT[module.split(".")[0]]
    ]
    assert breaches == []


def test_rooms_of_services_import_one_way():
    services = {
        module: names
        for module, names in IMPORTS.items()
        if module.count(".") > 1 and module.split(".")[0] == "services"
    }
    assert {module.split(".")[1] for module in services} == set(ROOMS)
    breaches = [
        f"{module} imports {name}"
        for module, names in services.items()
        for name in sorted(names)
        if name.startswith("services.")
        and name.split(".")[1] not in ROOMS[module.split(".")[1]] | {module.split(".")[1], "errors"}
    ]
    assert breaches == []


def test_no_two_modules_import_each_other_by_any_way_round():
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
        if not ast.get_docstring(node) and not (path.is_relative_to(MIGRATIONS) and isinstance(node, ast.ClassDef))
    ]
    assert places(undocumented) == []


def test_nothing_catches_everything():
    catch_alls = [
        (path, node)
        for path, tree in SOURCES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or {"Exception", "BaseException"} & {getattr(n, "id", "") for n in ast.walk(node.type)})
    ]
    assert places(catch_alls) == []


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
