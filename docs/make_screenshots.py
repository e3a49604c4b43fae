"""Takes the screenshots of docs/screenshots: `make screenshots`. Needs chromium.

The server is a new one with examples/geo, four people and a backup, so no data of yours is shown. That of the board is
one with examples/teams.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import sin
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import Browser, Page, Route, sync_playwright

from docs.board_screenshot import take_board
from tests.parts.receiver import Receiver, receiver
from tests.parts.server import ROOT, WITHOUT_LIMITS, Caller, environment, running_server

FOLDER = Path(__file__).with_name("screenshots")
EXAMPLE = ROOT / "examples" / "geo"
PASSWORD = "plant forty tulips"
PEOPLE = {"Edith Berg": ["member", "editor"], "Mia Lund": ["member"], "Noor Haddad": ["member", "curator"]}
WIDTH, HEIGHT = 1200, 700
PHONE = {"width": 360, "height": 740}
MOST_BYTES = 150_000  # of a picture
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class Shot:
    """A picture of the page at a path; `click` are names of buttons that are pressed first."""

    name: str
    path: str
    dark: bool = False
    phone: bool = False
    click: tuple[str, ...] = ()


SHOTS = (
    Shot("records", "records/cities?population__gte=5000000&sort=-population"),
    Shot("record", "records/countries/{country}"),
    Shot("import", "records/cities/import"),
    Shot("definition", "resources/cities"),
    Shot("users", "users"),
    Shot("audit", "audit"),
    Shot("webhook", "webhooks/{webhook}"),
    Shot("deliveries", "webhooks/{webhook}/deliveries"),
    Shot("backups", "backups", click=("Verify",)),
    Shot("health", "health"),
    Shot("figures", "figures"),
    Shot("record-dark", "records/countries/{country}", dark=True),
    Shot("records-phone", "records/cities?q=san&sort=-population", phone=True),
)


def main(names: list[str]) -> None:
    """Take all pictures, or those with these names."""
    FOLDER.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder, receiver() as inbox, _server(Path(folder)) as address:
        places = _fill(address, inbox)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=next(filter(None, map(shutil.which, PROGRAMS))),
                args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars"],
            )
            for shot in SHOTS:
                if not names or shot.name in names:
                    _take(browser, address, shot, places)
            if not names or "board" in names:
                take_board(browser, FOLDER / "board.png")
            browser.close()


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    """Yield the address of a server with the example."""
    settings = {
        "admin_password": PASSWORD,
        "app_name": "Atlas",
        "backup_schedule": "15 3 * * *",
        "webhook_networks": "127.0.0.1",
        **WITHOUT_LIMITS,
    }
    with running_server(folder, forked=False, **settings) as address:
        variables = environment({"data_dir": folder} | settings)
        _flask(variables, "resources", "apply", EXAMPLE / "resources.yml")
        for name in ("continents", "countries", "cities"):
            _flask(variables, "records", "import", name, EXAMPLE / f"{name}.csv")
        yield address


def _flask(variables: dict[str, str], *arguments: object) -> None:
    command = [sys.executable, "-m", "flask", *map(str, arguments)]
    subprocess.run(command, cwd=ROOT, env=variables, check=True, capture_output=True)


def _fill(address: str, inbox: Receiver) -> dict[str, str]:
    """Create people, changes, a webhook and a backup; return the ids that paths of SHOTS have."""
    with Caller(address) as admin:
        admin.sign_in("admin@example.com", PASSWORD)
        for name, roles in PEOPLE.items():
            email = f"{name.split()[0].lower()}@example.com"
            admin.call("POST", "/users", {"email": email, "password": PASSWORD, "name": name, "roles": roles})
        country = admin.call("GET", "/countries?name=Kenya")[1]["data"][0]["id"]
        admin.call("POST", "/backups")
        return {"country": country, "webhook": _send_changes(admin, inbox)}


def _send_changes(admin: Caller, inbox: Receiver) -> str:
    """Create a webhook and change some countries, of which the receiver refuses one; return its id."""
    _, definition = admin.call("GET", "/resources/countries")
    parts = {name: definition["data"][name] for name in ("name", "description", "fields", "search", "access")}
    status, answer = admin.call("PUT", "/resources/countries", parts | {"feed": True})
    assert status == 200, answer
    body = {"name": "Search index", "url": inbox.url, "resources": ["countries"], "roles": ["admin"], "with_data": True}
    status, made = admin.call("POST", "/webhooks", body)
    assert status == 201, made
    inbox.answer = lambda message: 503 if message.json["data"].get("record", {}).get("name") == "Chile" else 204
    for name in ("Iceland", "Japan", "Norway", "Chile"):
        country = admin.call("GET", f"/countries?name={name}")[1]["data"][0]
        admin.call("PATCH", f"/countries/{country['id']}", {"population": country["population"] + 1})
    inbox.take(4)
    webhook_id: str = made["data"]["id"]
    return webhook_id


def _take(browser: Browser, address: str, shot: Shot, places: dict[str, str]) -> None:
    viewport = PHONE if shot.phone else {"width": WIDTH, "height": HEIGHT}
    with browser.new_context(
        viewport=viewport, color_scheme="dark" if shot.dark else "light", locale="en-GB", timezone_id="Europe/Berlin"
    ) as context:
        data = {"email": "admin@example.com", "password": PASSWORD, "cookies": True}
        assert context.request.post(f"http://{address}/api/v1/auth/login", data=data).ok
        page = context.new_page()
        page.route("**/health/figures", _busy_hour)
        page.goto(f"http://{address}/admin/{shot.path.format(**places)}")
        page.locator("h1").wait_for()
        page.wait_for_load_state("networkidle")
        _press(page, shot.click)
        file = FOLDER / f"{shot.name}.png"
        page.screenshot(path=file, animations="disabled")
    assert file.stat().st_size <= MOST_BYTES, f"{file} has {file.stat().st_size} bytes"


def _press(page: Page, names: tuple[str, ...]) -> None:
    for name in names:
        page.get_by_role("button", name=name).first.click()
        page.wait_for_load_state("networkidle")
        page.locator("[aria-busy=true]").wait_for(state="detached")


def _busy_hour(route: Route) -> None:
    """Show an hour with requests, which the new server has not had."""
    answer = route.fetch()
    body: dict[str, Any] = answer.json()
    for index, minute in enumerate(body["data"]["minutes"]):
        wave = sin(index / 7) + sin(index / 2.3) / 3
        minute["numbers"].update(
            requests=round(420 + 160 * wave),
            refusals=round(14 + 9 * sin(index / 3)),
            failures=2 if index == 41 else 0,
            p50_ms=round(2.4 + 0.6 * wave, 2),
            p99_ms=round(19 + 7 * wave, 2),
        )
    route.fulfill(response=answer, body=json.dumps(body))


if __name__ == "__main__":
    main(sys.argv[1:])
