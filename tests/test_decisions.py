"""The decisions: one form, and an index that lists each of them."""

import re

import pytest

from tests.parts.server import ROOT

FOLDER = ROOT / "docs" / "decisions"
PAGES = sorted(FOLDER.glob("0*.md"))
DATE, LINK = r"\d{4}-\d\d-\d\d", r"\[\d{3}\]\([\w-]+\.md\)"
HEAD = re.compile(
    r"# (?P<number>\d+)\. (?P<title>.+)\n\n"
    rf"- Date: (?P<date>{DATE})\n"
    rf"- Status: (?P<status>accepted|accepted, amended (on {DATE}|by {LINK})|superseded by {LINK})\n"
)
SECTIONS = ["Context", "Decision", "Consequences"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_decision_has_the_same_form(page):
    text = page.read_text()
    assert HEAD.match(text)["number"] == str(int(page.name[:3]))
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS


def test_the_index_lists_every_decision():
    heads = [(page, HEAD.match(page.read_text())) for page in PAGES]
    rows = re.findall(
        r"^\| (\[\d.*?) \| (.*?) \| (.*?) \| (.*?) \| .+ \|$", (FOLDER / "README.md").read_text(), re.MULTILINE
    )
    assert rows == [
        (f"[{page.name[:3]}]({page.name})", head["title"], head["date"], head["status"]) for page, head in heads
    ]
    assert [int(head["number"]) for _, head in heads] == list(range(1, len(PAGES) + 1))
