"""The board of the example for teams: its files on an origin of their own, the server behind it, and its windows."""

import shutil
from contextlib import ExitStack, contextmanager

from playwright.sync_api import expect

from backend import create_app
from backend.config.settings import Settings
from backend.models.database import database
from backend.services.operation.metrics import metrics
from tests.conftest import CHEAP, PASSWORD, SECRET_KEY, Person
from tests.parts import teams
from tests.parts.server import HOST, Caller, doomed_server, held_port
from tests.parts.static_pages import served

BOARD = teams.FOLDER / "board"
SHIPPED = "http://127.0.0.1:8000"  # the address of Larder in its files


@contextmanager
def board_of(folder, server):
    """Yield the origin that serves a copy of the board in `folder`, which calls `server`."""
    shutil.copytree(BOARD, folder)
    page = folder / "index.html"
    assert page.read_text().count(SHIPPED) == 2
    page.write_text(page.read_text().replace(SHIPPED, f"http://{server}"))
    with served(folder) as origin:
        yield origin


class Stage:
    """Two teams and the board: alice and bob are in Garden, alice alone in Library.

    `start` and `kill` are for the server that pages call; `other` is the address of a second one on the same database.
    """

    def __init__(self, browser, folder, url, **settings):
        self._browser, self._folder, self._stack = browser, folder, ExitStack()
        self._running = None
        self._settings = {"secret_key": SECRET_KEY, "log_level": "WARNING", "database_url": url, "streams": 5}
        self._settings |= settings
        self.windows = []
        self.garden, self.library = self._make_teams(url)
        self.address = f"{HOST}:{self._stack.enter_context(held_port())}"
        self.origin = self._stack.enter_context(board_of(folder / "board", self.address))

    def _make_teams(self, url):
        settings = Settings(data_dir=self._folder, database_url=url, secret_key=SECRET_KEY, **CHEAP)
        teams.apply(settings)
        app = create_app(settings)
        alice, bob = (Person(app, name) for name in ("alice", "bob"))
        made = teams.make_team(alice, teams.GARDEN, [bob]), teams.make_team(alice, teams.LIBRARY)
        database.close_all()
        metrics.close()
        return made

    def start(self):
        """Start the server that pages call, which lists their origin."""
        self._running = ExitStack()
        port = int(self.address.partition(":")[2])
        options = self._settings | {"port": port, "cors_origins": self.origin}
        _, self._process = self._running.enter_context(doomed_server(self._folder, **options))

    def kill(self):
        """Kill the server that pages call."""
        self._process.kill()
        self._process.wait()
        self._running.close()
        self._running = None

    @contextmanager
    def other(self):
        """Yield the address of a server that pages do not call."""
        folder = self._folder / "other"
        folder.mkdir()
        with doomed_server(folder, **self._settings | {"data_dir": self._folder}) as (address, _):
            yield address

    def caller(self, name, address=None):
        """Return a Caller that is signed in."""
        caller = self._stack.enter_context(Caller(address or self.address))
        return caller.sign_in(f"{name}@example.com", PASSWORD)

    def open(self, name, project="Garden: Garden plan", **options):
        """Sign in at the board in a window of its own, wait until it is live, and return the Window."""
        window = Window(self._stack.enter_context(self._browser.new_context(locale="en-GB", **options)).new_page())
        self.windows.append(window)
        window.page.goto(self.origin)
        window.sign_in(name)
        if project:
            window.expect_state("Live")
            window.project.select_option(project)
        return window

    def close(self):
        """Close all windows, and stop the servers."""
        for window in self.windows:
            window.page.context.close()
        if self._running:
            self._running.close()
        self._stack.close()


class Window:
    """The board as one person sees it. `errors` are those of its console."""

    def __init__(self, page):
        self.page, self.errors, self.requests = page, [], []
        self.project = page.locator("#board").get_by_label("Project")
        page.set_default_timeout(60_000)
        page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.requests.append(request))  # noqa: PLW0108  # playwright marks it

    def sign_in(self, name):
        self.page.get_by_label("E-mail").fill(f"{name}@example.com")
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()

    def expect_state(self, text):
        """Wait until the page says whether it is live."""
        expect(self.page.locator("#live")).to_have_text(text)

    def expect_tasks(self, **columns):
        """Wait until the columns have the cards with these titles, in their order."""
        for state, titles in columns.items():
            expect(self.column(state).locator("h3")).to_have_text(titles)

    def column(self, state):
        return self.page.get_by_role("region", name=state)

    def add(self, title):
        self.page.get_by_label("New task").fill(title)
        self.page.get_by_role("button", name="Add", exact=True).click()

    def press(self, title, name):
        """Press a button of a card."""
        card = self.page.locator(".card").filter(has=self.page.get_by_role("heading", name=title, exact=True))
        card.get_by_role("button", name=name).click()

    def edit(self, title, **values):
        """Open the dialog of a task, and fill its inputs."""
        self.press(title, "Edit")
        dialog = self.page.get_by_role("dialog")
        for label, value in values.items():
            control = dialog.get_by_label(label)
            if control.evaluate("element => element.tagName") == "SELECT":
                control.select_option(value)
            else:
                control.fill(value)
        return dialog

    def forget_errors(self, *texts):
        """Clear the console of errors that have one of these texts; fail if there are others."""
        assert [error for error in self.errors if not any(text in error for text in texts)] == []
        self.errors.clear()
