"""Takes the screenshot of examples/teams/board, for docs/make_screenshots.py: one person sees what another one does."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser

from tests.parts.server import ROOT, WITHOUT_LIMITS, Caller, environment, running_server
from tests.parts.teams_board import board_of

EXAMPLE = ROOT / "examples" / "teams"
PASSWORD = "water the garden"
PEOPLE = ("ada", "ben", "cleo", "dan")
TABLES = ("teams", "memberships", "projects", "tags", "tasks", "comments")
VIEWPORT = {"width": 1200, "height": 700}


def take_board(browser: Browser, file: Path) -> None:
    """Take the picture of the board of Ada, just after Ben has moved a task."""
    with (
        TemporaryDirectory() as name,
        _server(Path(name)) as address,
        board_of(Path(name) / "board", address) as origin,
        browser.new_context(viewport=VIEWPORT, locale="en-GB") as context,
        Caller(address) as ben,
    ):
        page = context.new_page()
        page.goto(origin)
        page.get_by_label("E-mail").fill("ada@example.com")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.locator("#live[data-state=live]").wait_for()
        ben.sign_in("ben@example.com", PASSWORD)
        task = page.locator(".card").first.get_attribute("data-task")
        ben.call("PATCH", f"/tasks/{task}", {"state": "doing"})
        page.get_by_text("Ben moved").wait_for()
        page.screenshot(path=file, animations="disabled")


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    """Yield the address of a server with the example for teams."""
    settings = {"streams": 2, **WITHOUT_LIMITS}
    with running_server(folder, forked=False, **settings) as address:
        variables = environment({"data_dir": folder} | settings)

        def flask(*arguments: object) -> None:
            command = [sys.executable, "-m", "flask", *map(str, arguments)]
            subprocess.run(command, cwd=ROOT, env=variables, check=True, capture_output=True)

        flask("resources", "apply", EXAMPLE / "resources.yml")
        for name in PEOPLE:
            flask("users", "create", f"{name}@example.com", "--name", name.title(), "--password", PASSWORD)
        subprocess.run([sys.executable, EXAMPLE / "make_data.py", folder / "rows"], check=True)
        for name in TABLES:
            flask("records", "import", name, folder / "rows" / f"{name}.csv")
        yield address
