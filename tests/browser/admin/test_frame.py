"""What surrounds every screen: the sign-in, the menu, lost sessions and connections, windows of every size."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.admin.conftest import (
    Client,
    check_accessible,
    forget_refusals,
    heading,
    record_responses,
    wait_until_read,
)
from tests.browser.admin.keyboard import go_to
from tests.conftest import ON_SQLITE, PASSWORD
from tests.parts.server import Caller

EVERYBODY = {"list": ["public"], "read": ["public"], "create": ["member"], "update": ["member"]}
PEOPLE = ["Users", "Invitations", "Roles"]
SYSTEM = ["Resources", *PEOPLE, "Webhooks", "Audit", "Backups", "Jobs", "Mails", "Health", "Figures"]
PAGES = (
    *("", "account", "sign-in", "register", "forgot", "records/notes", "records/notes/new", "records/notes/import"),
    *("resources", "resources/new", "resources/notes", "resources/notes/versions", "users", "users/new"),
    *("webhooks", "webhooks/new", "invitations", "roles", "roles/new", "roles/editor", "audit"),
    *("backups", "jobs", "mails", "health", "figures"),
)


@pytest.fixture
def notes(address):
    """A resource whose records everybody reads, and one that only admins list; the Client of the admin."""
    admin = Client(address, "admin")
    for name, access in (("notes", EVERYBODY), ("secrets", {})):
        fields = {"title": {"type": "string", "required": True}, "text": {"type": "text"}}
        admin.call("POST", "/resources", {"name": name, "fields": fields, "access": access})
    return admin


def expect_menu(page, name, entries):
    menu = page.get_by_role("navigation", name=name, exact=True)
    expect(menu.get_by_role("link")).to_have_text(entries)


@ON_SQLITE
def test_the_menu_has_what_a_person_may_do(open_as, notes):
    page = open_as(None)
    expect_menu(page, "Records", ["Notes"])
    expect_menu(page, "Account", ["Sign in"])
    check_accessible(page)
    notes.call("POST", "/roles", {"name": "operator", "permissions": ["system:read", "audit:read"]})
    for name, records, system in (("alice", ["Notes"], []), ("admin", ["Notes", "Secrets"], SYSTEM)):
        page = open_as(name)
        expect_menu(page, "Account", ["My account"])
        expect_menu(page, "Records", records)
        expect_menu(page, "System", system)
        check_accessible(page)
    edith = notes.call("GET", "/users?email=edith@example.com")[0]["id"]
    notes.call("PATCH", f"/users/{edith}", {"roles": ["member", "editor", "operator"]})
    page = open_as("edith")
    expect_menu(page, "System", ["Audit", "Jobs", "Health", "Figures"])


@ON_SQLITE
def test_somebody_signs_in_and_out(open_as, notes, console):
    page = open_as(None, "/admin/account")
    heading(page, "Sign in")
    page.goto(page.url.replace("account", "records/notes"))
    page.get_by_role("link", name="Sign in").click()
    heading(page, "Sign in")
    check_accessible(page)
    page.get_by_label("E-mail address").fill("alice@example.com")
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    page.get_by_role("alert").filter(has_text="password").wait_for()
    check_accessible(page)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    heading(page, "Notes")  # where the person was
    page.get_by_role("button", name="Sign out").click()
    heading(page, "Sign in")
    page.goto(page.url.replace("sign-in", "no/such/page"))
    heading(page, "Page not found")
    expect(page).to_have_title(re.compile("^Page not found – "))
    check_accessible(page)
    page.get_by_role("link", name="Go to the first page").click()
    heading(page, "Records")
    forget_refusals(console, 401)


def test_a_session_that_ends_loses_no_text(open_as, notes, console):
    page = open_as("alice", "/admin/records/notes/new")
    page.get_by_label("Title").fill("typed for an hour")
    with Caller(page.url.split("/")[2]) as alice:
        alice.sign_in("alice@example.com", PASSWORD)
        assert alice.call("DELETE", "/auth/sessions")[0] == 200
    page.get_by_role("button", name="Save").click()
    dialog = page.get_by_role("dialog", name="Sign in again")
    dialog.wait_for()
    check_accessible(page)
    expect(dialog.get_by_label("E-mail address")).to_have_value("alice@example.com")
    dialog.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    dialog.wait_for(state="detached")
    expect(page.get_by_label("Title")).to_have_value("typed for an hour")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("typed for an hour").first.wait_for()
    page.wait_for_url(lambda url: not url.endswith("/new"))
    forget_refusals(console, 401)


@ON_SQLITE
def test_a_session_that_ended_meanwhile_leads_to_the_sign_in(open_as, console):
    page = open_as("alice", "/admin/account")
    with Caller(page.url.split("/")[2]) as alice:
        alice.sign_in("alice@example.com", PASSWORD)
        assert alice.call("DELETE", "/auth/sessions")[0] == 200
    page.reload()
    heading(page, "Sign in")
    check_accessible(page)
    page.get_by_label("E-mail address").fill("alice@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    heading(page, "My account")
    forget_refusals(console, 401)


@ON_SQLITE
def test_a_lost_connection_is_said_and_loses_no_text(open_as, notes, console):
    page = open_as("alice", "/admin/records/notes/new")
    page.get_by_label("Title").fill("typed on a train")
    page.context.set_offline(True)
    page.get_by_role("button", name="Save").click()
    banner = page.get_by_text("The connection to the server is lost.")
    banner.wait_for()
    check_accessible(page)
    expect(page.get_by_label("Title")).to_have_value("typed on a train")
    page.context.set_offline(False)
    banner.wait_for(state="detached")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url(lambda url: not url.endswith("/new"))
    assert {text.rpartition(" ")[2] for text in console} <= {"net::ERR_INTERNET_DISCONNECTED"}
    console.clear()


@ON_SQLITE
def test_the_first_tab_offers_to_skip_the_menu(open_as, notes):
    page = open_as("alice", "/admin/account")
    page.reload()
    heading(page, "My account")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    go_to(page, page.get_by_role("link", name="Skip to the content"))
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("main").locator(":focus")).to_have_count(1)


@pytest.mark.parametrize("name", ["alice", "edith"])
def test_members_and_editors_see_no_trace_of_what_they_may_not(open_as, address, notes, console, name):
    notes.call("POST", "/secrets", {"title": "Hidden treasure"})
    page = open_as(name)
    take_responses, texts = record_responses(page), []
    for path in (*PAGES, "records/secrets"):
        page.goto(f"http://{address}/admin/{path}")
        wait_until_read(page)
        check_accessible(page)
        texts += [response.text() for response in take_responses() if response.ok]
        texts.append(page.locator("main").inner_text())
    assert any("Notes" in text for text in texts)
    assert [text for text in texts if "treasure" in text or "secrets" in text or "admin@example.com" in text] == []
    forget_refusals(console, 403, 404)


@ON_SQLITE
def test_every_screen_fits_small_windows_and_dark_systems(open_as, notes):
    page = open_as("admin")
    address = page.url.partition("/admin/")[0]
    # 360 px wide; a window of 1280 px at a zoom of 200 %, which has 640 px of CSS; and a dark system.
    for width, scheme in ((360, "light"), (640, "dark")):
        page.set_viewport_size({"width": width, "height": 740})
        page.emulate_media(color_scheme=scheme)
        for path in PAGES:
            page.goto(f"{address}/admin/{path}")
            wait_until_read(page)
            page.wait_for_load_state("networkidle")
            expect(page.get_by_role("heading", level=1), path).to_have_count(1)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
            check_accessible(page)
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="Users", exact=True).click()
    heading(page, "Users")
    expect(page.get_by_role("link", name="Users", exact=True)).to_be_hidden()  # the menu has closed
