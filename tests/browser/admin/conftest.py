"""The admin page as people use it: signed in as one of the people of tests/conftest.py."""

import json
from urllib.request import Request, urlopen

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.conftest import PASSWORD

SERIOUS = ("serious", "critical")


@pytest.fixture
def open_as(address, page):
    """Return a function that signs in as `alice`, `edith` or `admin` (None: nobody) and shows a page of Larder."""

    def open_page(name, path="/admin/"):
        page.goto("about:blank")  # what the former page still reads would be refused without its cookies
        page.context.clear_cookies()
        if name:
            data = {"email": f"{name}@example.com", "password": PASSWORD, "cookies": True}
            assert page.request.post(f"http://{address}/api/v1/auth/login", data=data).ok
        page.goto(f"http://{address}{path}")
        page.locator("h1").wait_for()
        return page

    return open_page


def check_accessible(page):
    """Fail if people with disabilities could not use something on the page, as far as a program can find it."""
    found = Axe().run(page).response["violations"]
    serious = [violation for violation in found if violation["impact"] in SERIOUS]
    assert not serious, [(each["id"], [node["html"] for node in each["nodes"]]) for each in serious]


def forget_refusals(console, *statuses):
    """Clear the console of the errors that a browser reports for refused calls; fail if there are others."""
    assert [text for text in console if not any(f"status of {status} " in text for status in statuses)] == []
    console.clear()


def close_messages(page):
    """Close the messages that are shown. They also go by themselves, so none is waited for."""
    page.locator(".notice button").evaluate_all("buttons => buttons.forEach(button => button.click())")


def notice(page, text):
    """Wait for a message and close it. The one before may say the same."""
    page.locator(".notice").filter(has_text=text).last.wait_for()
    close_messages(page)


def heading(page, name, level=1):
    """Wait for a heading."""
    page.get_by_role("heading", name=name, level=level, exact=True).wait_for()


def wait_for_rows(page, count):
    """Wait until the tables of a page have so many rows, without those of their heads."""
    expect(page.locator("tbody tr")).to_have_count(count)


def expect_labels(page, labels):
    """Wait until the list shows the records with these labels, and no others."""
    expect(page.locator("tbody th")).to_have_text(labels)


def wait_until_read(page):
    """Wait until a screen shows what it reads when it is opened."""
    page.locator("h1").first.wait_for()
    expect(page.get_by_role("main").get_by_text("Loading…")).to_have_count(0)
    expect(page.locator("main [aria-busy=true]")).to_have_count(0)


def record_responses(page):
    """Return a function that returns the answers of the API since it was called last, once the page has read them.

    Each is fetched for the page and kept here: a browser forgets the bodies of a page that it has left.
    """
    answers = []

    def answer(route):
        response = route.fetch()
        answers.append(response)
        route.fulfill(response=response)

    page.route("**/api/v1/**", answer)

    def take():
        page.wait_for_load_state("networkidle")
        taken = answers.copy()
        answers.clear()
        return taken

    return take


class Client:
    """Calls the API as one of the people, beside the page."""

    def __init__(self, address, name):
        self.base, self.token = f"http://{address}/api/v1", None
        data = {"email": f"{name}@example.com", "password": PASSWORD}
        self.token = self.call("POST", "/auth/login", data)["access_token"]

    def call(self, method, path, body=None, kind="application/json"):
        """Return the `data` of a response; `body` is a text, or a value that is sent as JSON."""
        headers = {"Content-Type": kind}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else (body if isinstance(body, str) else json.dumps(body)).encode()
        with urlopen(Request(self.base + path, data, headers, method=method)) as response:  # noqa: S310
            return json.load(response)["data"]

    def fields(self, name):
        """Return the fields of the definition of a resource."""
        return self.call("GET", f"/resources/{name}")["fields"]
