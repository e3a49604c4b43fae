"""`examples/teams/board`: rules of its modules. `tests/browser/test_teams_board.py` uses it."""

import re

from tests.parts.page_rules import markup_from_text, too_long
from tests.parts.teams import FOLDER

BOARD = FOLDER / "board"
MODULES = sorted(BOARD.glob("*.js"))
IMPORT = re.compile(r"^import \{[^}]*\} from '\./(.+)';$", re.MULTILINE)


def modules_with(pattern):
    return {module.name for module in MODULES if re.search(pattern, module.read_text())}


def test_modules_are_short():
    assert too_long(MODULES) == []


def test_no_module_makes_code_or_markup_from_text():
    assert markup_from_text(MODULES) == {}


def test_every_module_is_used():
    imported = {name for module in MODULES for name in IMPORT.findall(module.read_text())}
    assert {module.name for module in MODULES} == imported | {"board.js"}


def test_only_one_module_sends_requests_and_keeps_tokens():
    assert modules_with(r"\bfetch\(") == {"api.js"}
    assert modules_with(r"_token\b") == {"api.js"}
    assert modules_with(r"localStorage|sessionStorage|\bcookie\b") == set()


def test_the_page_may_call_only_the_server_that_it_names():
    html = (BOARD / "index.html").read_text()
    server = re.search(r'<meta name="larder" content="(.+?)">', html)[1]
    policy = re.search(r'Content-Security-Policy" content="(.+?)">', html)[1].split("; ")
    assert {"default-src 'none'", "script-src 'self'", f"connect-src {server}"} < set(policy)
