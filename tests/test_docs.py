"""The examples in the documentation: run by bash against a server with the example's data, and compared."""

import json
import re
import subprocess

import pytest

from backend.services import diagram
from tests.conftest import PASSWORD, database_copy
from tests.server import ROOT, running_server

PAGES = sorted((ROOT / "docs" / "api").glob("*.md"))
PREAMBLE = (ROOT / "docs" / "api" / "README.md").read_text().partition("```sh\n")[2].partition("```")[0]
ANYTHING = "…"
BLOCK = re.compile(r"^```(sh|json)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def server(request, geo_url, tmp_path_factory):
    """The address of a server on a copy of the example, for all pages: none makes what another does."""
    folder = tmp_path_factory.mktemp("docs")
    with database_copy(request, geo_url, folder) as url:
        with running_server(folder, database_url=url, log_level="WARNING") as address:
            yield address


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_examples_of_a_page_do_what_it_says(server, page, tmp_path):
    blocks = [(kind, text, _line(page, match)) for match in _blocks(page) for kind, text in [match.groups()]]
    commands = [text for kind, text, _ in blocks if kind == "sh" and text != PREAMBLE]
    script = "\n".join([PREAMBLE, *(f"echo '# {i}'\n{text}\necho" for i, text in enumerate(commands))])
    environment = {"API": f"http://{server}/api/v1", "PASSWORD": PASSWORD, "PATH": "/usr/local/bin:/usr/bin:/bin"}
    done = subprocess.run(["bash", "-euc", script], env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    outputs = re.split(r"^# \d+\n", done.stdout, flags=re.MULTILINE)[1:]
    number = -1
    for kind, text, line in blocks:
        if kind == "sh":
            number += text != PREAMBLE
        else:
            told = json.loads(outputs[number])
            assert matches(json.loads(text), told), f"{page.name}:{line} is answered with\n{told}"


def test_the_first_steps_of_the_readme_work(server):
    section = (ROOT / "README.md").read_text().partition("## Declare a resource")[2].partition("The same as a file")[0]
    script = "\n".join(text for kind, text in BLOCK.findall(section))
    script = script.replace("http://127.0.0.1:8000", f"http://{server}").replace("THE PRINTED ONE", PASSWORD)
    done = subprocess.run(["bash", "-euc", script], capture_output=True, text=True)
    *_, made, found, refused = [json.loads(line) for line in done.stdout.splitlines()]
    assert found["data"] == [made["data"]] and made["data"]["title"] == "Middlemarch"
    assert "pages__gt" in refused["error"]["details"]["query"]


def test_the_page_about_tables_is_drawn_from_the_models():
    assert (ROOT / "docs" / "schema.md").read_text() == diagram.draw()


def _blocks(page):
    return BLOCK.finditer(page.read_text())


def _line(page, match):
    return page.read_text()[: match.start()].count("\n") + 1


def matches(shown, told):
    """Tell whether an answer is what a page shows; `…` stands for anything there, as a last key or item for more."""
    if shown == ANYTHING:
        return True
    if isinstance(shown, str) and ANYTHING in shown:
        pattern = ".*".join(map(re.escape, shown.split(ANYTHING)))
        return isinstance(told, str) and re.fullmatch(pattern, told) is not None
    if isinstance(shown, dict):
        named = {key: value for key, value in shown.items() if key != ANYTHING}
        return (
            isinstance(told, dict)
            and (ANYTHING in shown or set(told) == set(named))
            and all(key in told and matches(value, told[key]) for key, value in named.items())
        )
    if isinstance(shown, list) and isinstance(told, list):
        named = shown[:-1] if shown[-1:] == [ANYTHING] else shown
        return (
            len(told) >= len(named) and (named != shown or len(told) == len(named)) and all(map(matches, named, told))
        )
    return shown == told


@pytest.mark.parametrize("page", sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.md")), ids=str)
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (page.parent / target).exists(), f"{page}: {target}"
    anchors = re.findall(r"\]\(([^)#:]*)#([^)]+)\)", text)
    for target, anchor in anchors:
        headings = re.findall(r"^#+ (.*)$", (page.parent / target if target else page).read_text(), re.MULTILINE)
        assert anchor in [re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings], (page, anchor)
