"""The codes of problems: the table of docs/api/errors.md, the OpenAPI document, and that no check forgets its code."""

import ast
import re
from pathlib import Path
from typing import get_args

from backend.utils.problems import Code, Extras, Problem
from tests.conftest import ON_SQLITE
from tests.helpers import texts_of

ROOT = Path(__file__).parents[2]
# Here messages of marshmallow go to whoever starts the server, not to clients.
WITHOUT_CODES = ROOT / "backend" / "config"


def table(number):
    """Return the names in the first column of a table of the page: a set for each row."""
    page = (ROOT / "docs" / "api" / "errors.md").read_text(encoding="utf-8")
    rows = [row.split("|")[1:-1] for row in re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE)[number].splitlines()[2:]]
    return [[re.findall(r"`(\w+)`", cell) for cell in row] for row in rows]


def test_the_page_lists_all_codes_and_members():
    codes, members = table(0), table(1)
    assert [code for row in codes for code in row[0]] == [*dict.fromkeys(get_args(Code))]
    assert [row[0][0] for row in members] == [*Extras.__annotations__]
    assert {name for row in codes for name in row[2]} <= {*Extras.__annotations__}


@ON_SQLITE
def test_the_document_lists_all_codes(admin):
    admin.declare("notes", {"title": {"type": "string"}})
    schemas = admin.get("http://localhost/openapi.json").json["components"]["schemas"]
    enums = [
        part["enum"] for each in schemas.values() if "enum" in (part := each.get("properties", {}).get("code", {}))
    ]
    assert [*get_args(Code)] in enums


def test_no_check_gives_a_text_without_a_code():
    bare = []
    for path in sorted((ROOT / "backend").rglob("*.py")):
        if not path.is_relative_to(WITHOUT_CODES):
            calls = (
                node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)
            )
            bare += [f"{path.name}:{call.lineno}" for call in calls if _is_check(call) and _has_bare_text(call)]
    assert bare == []


def _is_check(call):
    return isinstance(call.func, ast.Name) and call.func.id in ("ValidationError", "Invalid")


def _has_bare_text(call):
    first = call.args[0] if call.args else None
    inner = first.values if isinstance(first, ast.Dict) else [first]
    items = [item for each in inner for item in (each.elts if isinstance(each, ast.List) else [each])]
    return any(isinstance(item, ast.JoinedStr) or (isinstance(item, ast.Constant) and item.value) for item in items)


def test_a_problem_is_a_text_that_keeps_its_code():
    problem = (
        Problem("too_long", "Must have at most {most} characters.", limit=3).format(most=3).within("a").within("b")
    )
    assert problem == "b: a: Must have at most {most} characters."
    assert problem.to_dict() == {"code": "too_long", "message": str(problem), "limit": 3, "place": "b.a"}
    assert texts_of({"a": [problem.to_dict()]}) == {"a": [str(problem)]}
