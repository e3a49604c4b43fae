"""The examples in the documentation: run by bash against a server with the example's data, and compared."""

import json
import re
import subprocess

import pytest

from backend.services.access.permissions import PERMISSIONS
from backend.services.operation import diagram
from docs.draw_rooms import draw
from tests.conftest import PASSWORD, database_copy
from tests.parts.server import ROOT, running_server

PAGES = sorted((ROOT / "docs" / "api").glob("*.md"))
EVERY_PAGE = sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.md"))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
MARK = "# line "  # before what each block of commands prints
ANYTHING = "…"
PAGE_SECONDS = 120
# The token of the latest mail with a link to a page of ours; without SMTP mails are in the log.
MAILED = """mailed() {
  until grep -o "$1#token=[A-Za-z0-9_-]*" "$LOG" | tail -n 1 | grep -o '[^=]*$'; do sleep 0.1; done
}
"""


@pytest.fixture(scope="module")
def server(request, geo_url, tmp_path_factory):
    """The address and the log of a server on a copy of the example, for all pages: none makes what another does."""
    folder = tmp_path_factory.mktemp("docs")
    with database_copy(request, geo_url, folder) as url:
        with running_server(folder, database_url=url, log_level="WARNING") as address:
            yield address, folder / "server0.log"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_examples_of_a_page_do_what_it_says(server, page, tmp_path):
    address, log = server
    blocks = read_blocks(page)
    if page.stem != "README":  # where the lines are that every page begins with
        blocks = [read_blocks(page.with_name("README.md"))[0], *blocks]
    outputs = run_blocks([block for block in blocks if block[0] == "sh"], address, PASSWORD, tmp_path, log)
    printed = ""
    for kind, line, text in blocks:
        if kind == "sh":
            printed = next(outputs)
        elif kind in ("json", "text"):
            found = difference(json.loads(text), read_json(printed)) if kind == "json" else unlike(text, printed)
            assert found is None, f"{page.name}:{line}: {found}"


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


def read_blocks(page):
    """Return the (language, line, text) of each block of code."""
    text = page.read_text()
    return [(match[1], text[: match.start()].count("\n") + 1, match[2]) for match in BLOCK.finditer(text)]


def run_blocks(blocks, address, password, folder, log):
    """Run blocks of commands in one bash, with what a reader puts in; return an iterator of what each prints."""
    script = MAILED + "".join(f"echo '{MARK}{line}'\n{text}\n" for _, line, text in blocks)
    script = script.replace("http://127.0.0.1:8000", f"http://{address}").replace("YOUR_PASSWORD", password)
    script = re.sub(r"THE TOKEN FROM THE LINK TO (/account/\w+)", r"$(mailed \1)", script)
    environment = {"LOG": log, "PATH": "/usr/local/bin:/usr/bin:/bin"}
    command = ["bash", "-euc", script]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=PAGE_SECONDS)
    assert done.returncode == 0, f"It ends at {done.stdout.rpartition(MARK)[2]}\n{done.stderr}"
    return iter(re.split(f"^{MARK}\\d+\n", done.stdout, flags=re.MULTILINE)[1:])


def read_json(printed):
    """Return what the last of the answers is, one a line."""
    return json.loads(printed.strip().rpartition("\n")[2])


def difference(shown, actual, place="the answer"):
    """Return in words where an answer is not what a page shows, or None.

    There `…` stands for anything, also within a text, and as a last key or item for whatever more there is.
    """
    if isinstance(shown, dict) and isinstance(actual, dict):
        missing = [name for name in shown if name not in {*actual, ANYTHING}]
        more = [name for name in actual if name not in shown and ANYTHING not in shown]
        inner = [difference(shown[name], actual[name], f"{place}.{name}") for name in shown if name in actual]
        parts = [*(f"{place} lacks {name}" for name in missing), *(f"{place} has {name} too" for name in more), *inner]
        return next(filter(None, parts), None)
    if isinstance(shown, list) and isinstance(actual, list):
        is_open = shown[-1:] == [ANYTHING]
        named = shown[:-1] if is_open else shown
        if len(actual) < len(named) or (len(actual) > len(named) and not is_open):
            return f"{place} has {len(actual)} items, not {len(named)}: {actual}"
        inner = [difference(*pair, f"{place}.{i}") for i, pair in enumerate(zip(named, actual, strict=False))]
        return next(filter(None, inner), None)
    if shown == ANYTHING or (isinstance(shown, str) and isinstance(actual, str) and is_like(shown, actual)):
        return None
    same = shown == actual and isinstance(shown, bool) == isinstance(actual, bool)  # Postgres writes 1, SQLite 1.0
    return None if same else f"{place} is {actual!r}, not {shown!r}"


def unlike(shown, printed):
    """Return what was printed, if it is not the lines that a page shows."""
    return None if is_like(shown.strip(), printed.strip().replace("\r", "")) else f"it prints\n{printed}"


def is_like(shown, actual):
    """Return whether a text is the one that a page shows."""
    return re.fullmatch(".*".join(map(re.escape, shown.split(ANYTHING))), actual, re.DOTALL) is not None


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


def test_the_glossary_names_code_that_is_there():
    rows = re.findall(r"^\| (?!word).+ \| (.+) \|$", (ROOT / "docs" / "glossary.md").read_text(), re.MULTILINE)
    sources = "\n".join(path.read_text() for path in (ROOT / "backend").rglob("*.py"))
    names = re.findall(r"`([A-Z]\w+)", "\n".join(rows))
    missing = [name for name in names if not re.search(rf"^(class )?(\w+, )*{name}\b.*[:=]", sources, re.MULTILINE)]
    assert (len(rows) > 20, missing) == (True, [])


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
