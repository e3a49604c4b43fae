"""The examples in the documentation: run by bash against a server with the example's data, and compared."""

import json
import re

import pytest

from backend.services.access.permissions import PERMISSIONS
from backend.services.operation import diagram
from docs.draw_rooms import draw
from tests.conftest import PASSWORD, database_copy
from tests.parts.pages import check_blocks, read_blocks, run_blocks
from tests.parts.server import ROOT, running_server

PAGES = sorted((ROOT / "docs" / "api").glob("*.md"))
EVERY_PAGE = sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.md"))


@pytest.fixture(scope="module")
def server(request, geo_url, tmp_path_factory):
    """The address and the log of a server on a copy of the example, for all pages: none makes what another does."""
    folder = tmp_path_factory.mktemp("docs")
    with database_copy(request, geo_url, folder) as url:
        with running_server(folder, database_url=url, log_level="WARNING", streams=5) as address:
            yield address, folder / "server0.log"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_examples_of_a_page_do_what_it_says(server, page, tmp_path):
    address, log = server
    blocks = read_blocks(page)
    if page.stem != "README":  # where the lines are that every page begins with
        blocks = [read_blocks(page.with_name("README.md"))[0], *blocks]
    check_blocks(page.name, blocks, address, PASSWORD, tmp_path, log)


def test_the_first_steps_of_the_readme_work(tmp_path):
    steps = [block for block in read_blocks(ROOT / "README.md") if block[0] == "sh" and "$API" in block[2]]
    with running_server(tmp_path) as address:
        log = tmp_path / "server0.log"
        password = re.search(r"sign in as admin@example.com with the password (\S+)", log.read_text())[1]
        *_, printed = run_blocks(steps, address, password, tmp_path, log)
    made, found, refused = [json.loads(line) for line in printed.splitlines()]
    assert found["data"] == [made["data"]]
    assert made["data"]["title"] == "Middlemarch"
    assert "pages__gt" in refused["error"]["details"]["query"]


def test_the_page_about_tables_is_drawn_from_the_models():
    assert (ROOT / "docs" / "schema.md").read_text() == diagram.draw(), "Run `make schema`."


def test_the_page_about_security_names_tests_that_are_there():
    names = re.findall(r"`(test_[\w*]+)`", (ROOT / "docs" / "security.md").read_text())
    assert [name for name in names if not list((ROOT / "tests").rglob(f"{name}.py"))] == []
    assert len(names) > 20


@pytest.mark.parametrize("page", EVERY_PAGE, ids=str)
def test_links_have_a_target(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (page.parent / target).exists(), f"{page}: {target}"
    anchors = re.findall(r"\]\(([^)#:]*)#([^)]+)\)", text)
    for target, anchor in anchors:
        headings = re.findall(r"^#+ (.*)$", (page.parent / target if target else page).read_text(), re.MULTILINE)
        assert anchor in [re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings], (page, anchor)


def test_the_page_about_roles_lists_every_permission():
    rows = re.findall(r"^\| (`\w+:.*?`) \|", (ROOT / "docs" / "api" / "roles.md").read_text(), re.MULTILINE)
    assert re.findall(r"`(.*?)`", " ".join(rows)) == list(PERMISSIONS)


def test_the_admin_page_says_what_every_permission_allows():
    module = (ROOT / "backend/routes/static/admin/parts/accounts/permissions.js").read_text()
    texts = re.findall(r"""'(\w+:\w+)':\s+(['"])(.+)\2,""", module)
    assert {name: text for name, _, text in texts} == PERMISSIONS


def test_the_glossary_names_code_that_is_there():
    rows = re.findall(r"^\| (?!word).+ \| (.+) \|$", (ROOT / "docs" / "glossary.md").read_text(), re.MULTILINE)
    sources = "\n".join(path.read_text() for path in (ROOT / "backend").rglob("*.py"))
    names = re.findall(r"`([A-Z]\w+)", "\n".join(rows))
    missing = [name for name in names if not re.search(rf"^(class )?(\w+, )*{name}\b.*[:=]", sources, re.MULTILINE)]
    assert (len(rows) > 20, missing) == (True, [])


def test_the_architecture_finds_code_where_it_is():
    page = " ".join((ROOT / "docs" / "architecture.md").read_text().split())
    found = re.findall(r"`(?:\w+\.)?(\w+)` in `([\w/]+\.py)`", page)
    missing = [
        (name, file)
        for name, file in found
        if not any(
            re.search(rf"^\s*(?:def|class) {name}\b", path.read_text(), re.MULTILINE)
            for path in (ROOT / "backend").rglob(file.rpartition("/")[2])
            if path.as_posix().endswith(file)
        )
    ]
    assert (len(found) > 20, missing) == (True, [])


@pytest.mark.parametrize("page", [page for page in EVERY_PAGE if page.name != "CHANGELOG.md"], ids=str)
def test_lines_have_at_most_120_characters(page):
    prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    assert [line for line in prose.splitlines() if len(line) > 120 and not line.startswith("|")] == []


@pytest.mark.parametrize("page", EVERY_PAGE, ids=str)
def test_pages_name_files_that_are_there(page):
    named = re.findall(r"`((?:backend|benchmarks|deploy|docs|examples|tests)/[\w./-]+)`", page.read_text())
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_picture_of_the_rooms_is_drawn_from_the_code():
    page = (ROOT / "docs" / "architecture.md").read_text()
    assert "| `backend/routes` |" in page
    assert draw(page) == page, "run `make picture`"
