"""People by the keyboard alone: an admin manages roles, users, invitations and keys, and reads the audit trail."""

import re

from playwright.sync_api import expect

from tests.browser.admin.conftest import forget_refusals, heading, notice, wait_for_rows
from tests.browser.admin.keyboard import choose, expect_focus, follow, go_to, press, toggle, type_into
from tests.conftest import PASSWORD


def test_an_admin_manages_people_by_the_keyboard_alone(open_as, console):
    page = open_as("admin")
    follow(page, "Roles")
    make_role(page)
    follow(page, "Users")
    make_user(page)
    change_user(page)
    follow(page, "Invitations")
    invite(page)
    follow(page, "Audit")
    read_audit(page)
    follow(page, "Users")
    make_service_with_key(page)
    forget_refusals(console, 422)


def make_role(page):
    press(page, "New role", "link")
    heading(page, "New role")
    type_into(page, "Name", "Not a name")
    page.keyboard.press("Enter")
    page.get_by_text("Some values are not valid.").wait_for()
    expect(page.get_by_label("Name")).to_be_focused()
    type_into(page, "Name", "auditor")
    go_to(page, page.get_by_role("checkbox", name=re.compile("^audit:read")))
    page.keyboard.press("Space")
    press(page, "Create")
    heading(page, "auditor")
    notice(page, "Created.")
    type_into(page, "Description", "Reads the audit trail")
    page.keyboard.press("Enter")
    notice(page, "Saved.")
    expect(page.get_by_label("Description")).to_be_focused()


def make_user(page):
    press(page, "New user", "link")
    heading(page, "New user")
    type_into(page, "Name", "Nora")
    type_into(page, "E-mail address", "nora@example.com")
    type_into(page, "Password", PASSWORD)
    go_to(page, page.get_by_role("checkbox", name=re.compile("^auditor")))
    page.keyboard.press("Space")
    press(page, "Create")
    heading(page, "Nora")
    notice(page, "Created.")
    expect_focus(page)


def change_user(page):
    """Change a user, find them by filters, and delete them."""
    toggle(page, "Can sign in")
    press(page, "Save")
    notice(page, "Saved.")
    expect(page.get_by_role("button", name="Save")).to_be_focused()
    follow(page, "Users")
    type_into(page, "E-mail contains", "nora")
    choose(page, "Role", "auditor")
    press(page, "Search")
    wait_for_rows(page, 1)
    press(page, "Clear")
    wait_for_rows(page, 5)
    press(page, "Nora", "link")
    heading(page, "Nora")
    press(page, "Delete")
    go_to(page, page.get_by_role("dialog").get_by_role("textbox"))
    page.keyboard.type("nora@example.com")
    page.keyboard.press("Enter")
    notice(page, "Nora is deleted.")
    wait_for_rows(page, 4)


def invite(page):
    type_into(page, "E-mail address", "olga@example.com")
    press(page, "Invite", within="main")
    notice(page, "olga@example.com is invited.")
    with page.expect_response(lambda answer: (answer.request.method, answer.status) == ("GET", 200)):
        press(page, "Send again to olga@example.com")
    notice(page, "Another mail to olga@example.com")
    expect(page.get_by_role("heading", name="Open invitations")).to_be_focused()
    expect(page.locator("main [aria-busy=true]")).to_have_count(0)  # it is a new invitation
    press(page, "Withdraw olga@example.com")
    press(page, "Withdraw", within="dialog")
    page.get_by_text("Nobody is invited at the moment.").wait_for()
    expect(page.get_by_role("heading", name="Open invitations")).to_be_focused()


def read_audit(page):
    type_into(page, "Action begins with", "role.")
    choose(page, "Target: kind", "role")
    page.keyboard.press("Tab")
    press(page, "Search")
    wait_for_rows(page, 2)
    go_to(page, page.get_by_label("Details of role.create"))
    page.keyboard.press("Enter")
    expect(page.locator("pre").nth(1)).to_be_visible()
    press(page, "Clear")
    page.get_by_role("row").filter(has_text="invitation.withdraw").wait_for()


def make_service_with_key(page):
    press(page, "New service", "link")
    heading(page, "New service")
    type_into(page, "Name", "Nightly import")
    go_to(page, page.get_by_role("checkbox", name=re.compile("^editor")))
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    heading(page, "Nightly import")
    press(page, "Create API key")
    press(page, "Cancel")
    expect(page.get_by_role("button", name="Create API key")).to_be_focused()
    press(page, "Create API key")
    type_into(page, "Name", "Server 1", within="dialog")
    page.keyboard.press("Enter")
    page.get_by_label("Secret").wait_for()
    press(page, "Done")
    expect(page.get_by_role("button", name="Create API key")).to_be_focused()
    press(page, "Revoke Server 1")
    press(page, "Revoke", within="dialog")
    page.get_by_text("Revoked", exact=True).wait_for()
    expect(page.get_by_role("heading", name="API keys")).to_be_focused()
