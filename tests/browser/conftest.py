"""A browser without a window, a server for it, and a page whose console must stay empty."""

import shutil

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.parts.server import running_server
from tests.parts.static_pages import served

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
# Root has no sandbox. The rest keeps the browser from calling other hosts.
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PATIENCE_MS = 60_000  # a machine may be busy
# A page draws after an action, not with it. So tests wait for what they expect, and do not read the page at once.
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def browser():
    """A browser of this machine. It fails, not skips, where there is none: `make test-browser` needs one."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    assert program, f"install one of {', '.join(PROGRAMS)}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def console():
    """The errors of the page: its console, its scripts and its Content-Security-Policy. Must be empty at the end.

    A test that provokes an error compares the list and clears it.
    """
    return []


@pytest.fixture
def page(browser, console):
    """A page in a window of its own, without cookies."""
    with browser.new_context() as context:
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.on("console", lambda message: message.type == "error" and console.append(message.text))
        page.on("pageerror", lambda error: console.append(str(error)))
        yield page
        assert console == []


@pytest.fixture
def address(database_url, tmp_path):
    """The address of a server, such as `127.0.0.1:41234`, whose database has the people of `tests/conftest.py`."""
    with running_server(tmp_path, database_url=database_url) as address:
        yield address


@pytest.fixture
def other_origin(tmp_path):
    """The origin of a different server, which has one empty page."""
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "index.html").write_text('<!doctype html><link rel="icon" href="data:,"><title>Other</title>')
    with served(folder) as origin:
        yield origin
