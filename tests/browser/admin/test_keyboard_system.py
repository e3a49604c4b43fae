"""The system by the keyboard alone: an admin defines a resource, and looks after the server."""

import zipfile

import pytest
from playwright.sync_api import expect

from tests.browser.admin.conftest import Client, forget_refusals, heading, notice, wait_for_rows
from tests.browser.admin.keyboard import choose, expect_focus, follow, go_to, press, toggle, type_into
from tests.parts.server import running_server


@pytest.fixture
def address(database_url, tmp_path):
    """The address of a server whose mail server does not answer."""
    with running_server(tmp_path, database_url=database_url, smtp_url="smtp://127.0.0.1:1") as address:
        yield address


@pytest.fixture
def client(address):
    """The API as an admin uses it."""
    return Client(address, "admin")


def test_an_admin_defines_a_resource_by_the_keyboard_alone(open_as, client, console):
    page = open_as("admin")
    follow(page, "Resources")
    press(page, "New resource", "link", within=".heading")
    create_teams(page)
    client.call("POST", "/teams", {"name": "Reds", "colour": "red"})
    rename_a_field(page)
    assert client.call("GET", "/teams?fields=full_name") == [{"full_name": "Reds"}]
    set_a_rule(page)
    remove_a_field(page)
    assert list(client.fields("teams")) == ["full_name"]
    compare_versions(page)
    drop(page)
    assert client.call("GET", "/resources") == []
    forget_refusals(console, 422)


def apply(page, button="Apply"):
    press(page, "Review")
    press(page, button, within="dialog")
    page.get_by_role("dialog").wait_for(state="detached")


def create_teams(page):
    """Type a definition, correct what is wrong, and create the resource."""
    heading(page, "New resource")
    type_into(page, "Name", "Not a name")
    press(page, "Review")
    page.locator(".error").first.wait_for()
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    type_into(page, "Name", "teams")
    type_into(page, "New field", "colour")
    page.keyboard.press("Enter")
    page.get_by_label("Name of field 2").wait_for()
    expect(page.get_by_label("New field", exact=True)).to_be_focused()
    press(page, "Move colour up")
    expect(page.get_by_role("button", name="Move colour down")).to_be_focused()
    press(page, "Move colour down")
    expect(page.get_by_role("button", name="Move colour up")).to_be_focused()
    choose(page, "Type of colour", "enum")
    type_into(page, "Choices (required)", "red\ngreen")
    press(page, "Options of colour")
    toggle(page, "colour index")
    toggle(page, "public may read")
    apply(page, "Create")
    heading(page, "teams")
    page.get_by_role("link", name="Versions").wait_for()


def rename_a_field(page):
    """Rename a field; its values stay."""
    type_into(page, "Name of field 1", "full_name")
    page.keyboard.press("Tab")
    page.get_by_text("was name").wait_for()
    apply(page)
    notice(page, "The definition is changed.")
    expect(page.get_by_role("button", name="Review")).to_be_focused()


def set_a_rule(page):
    """Limit a grant by a rule."""
    press(page, "All: rule of member for list")
    type_into(page, "Rule", "colour: [", within="dialog")
    page.get_by_text("It is not taken over yet.").wait_for()
    type_into(page, "Rule", "colour: red", within="dialog")
    press(page, "Set rule")
    expect(page.get_by_role("button", name="Rule: rule of member for list")).to_be_focused()
    apply(page)
    notice(page, "The definition is changed.")


def remove_a_field(page):
    """Remove a field, and a rule that names it; the loss of its values is confirmed."""
    toggle(page, "member may list")
    press(page, "Remove colour")
    expect(page.get_by_label("New field", exact=True)).to_be_focused()
    press(page, "Review")
    type_into(page, "Type teams to confirm", "teams", within="dialog")
    press(page, "Apply and lose data")
    notice(page, "The definition is changed.")
    expect(page.get_by_role("button", name="Review")).to_be_focused()


def compare_versions(page):
    """Look at what a version has changed, and make an old one the draft."""
    press(page, "Versions", "link")
    heading(page, "Versions of teams")
    press(page, "Changes of version 3")
    page.get_by_label("From version 2 to 3").wait_for()
    choose(page, "From", "Version 1")
    page.get_by_label("From version 1 to 3").wait_for()
    press(page, "Use version 1 as a draft", "link")
    page.get_by_text("This is version 1 as a draft.").wait_for()
    press(page, "Resources", "link", within="nav")
    press(page, "Leave", within="dialog")
    heading(page, "Resources")


def drop(page):
    """Drop the resource."""
    press(page, "Count the records of teams")
    page.get_by_text("1 record", exact=True).wait_for()
    expect(page.get_by_role("button", name="Count the records of teams")).to_be_focused()
    press(page, "teams", "link")
    heading(page, "teams")
    press(page, "Drop…")
    dialog = page.get_by_role("dialog")
    go_to(page, dialog.get_by_label("to confirm"))
    page.keyboard.type("teams")
    press(page, "Drop")
    page.get_by_text("A resource is a kind of record").wait_for()
    expect_focus(page)


def test_an_admin_looks_after_the_server_by_the_keyboard_alone(open_as, client, address):
    notes = {"name": "notes", "fields": {"title": {"type": "string"}}, "feed": True, "access": {"list": ["member"]}}
    client.call("POST", "/resources", notes)
    page = open_as("admin")
    follow(page, "Webhooks")
    look_after_a_webhook(page)
    follow(page, "Backups")
    back_up(page)
    follow(page, "Jobs")
    press(page, "Read again")
    expect(page.get_by_role("button", name="Read again")).to_be_focused()
    follow(page, "Health")
    press(page, "Check again")
    expect(page.get_by_role("button", name="Check again")).to_be_focused()
    follow(page, "Figures")
    read_figures(page)
    page.request.post(f"http://{address}/api/v1/auth/password/forgot", data={"email": "alice@example.com"})
    follow(page, "Mails")
    send_mail_again(page)


def look_after_a_webhook(page):
    """Create a webhook, copy its secret, make another one, and delete the webhook."""
    press(page, "New webhook", "link", within=".heading")
    heading(page, "New webhook")
    type_into(page, "Name", "Warehouse")
    type_into(page, "URL", "https://example.com/hook")
    toggle(page, "notes")
    toggle(page, "member – Every registered user")
    press(page, "Save")
    expect(page.get_by_label("Secret", exact=True)).to_be_focused()
    press(page, "Copy", within="dialog")
    page.locator(".notice").filter(has_text="cop").last.wait_for()
    press(page, "Done", within="dialog")
    heading(page, "Warehouse")
    expect_focus(page)
    press(page, "New secret")
    press(page, "Make secret", within="dialog")
    press(page, "Done", within="dialog")
    expect(page.get_by_role("button", name="New secret")).to_be_focused()
    press(page, "Deliveries", "link", within=".heading")
    page.get_by_text("There are no deliveries yet.").wait_for()
    press(page, "Webhook", "link", within=".heading")
    press(page, "Delete")
    press(page, "Delete", within="dialog")
    page.get_by_text("There are no webhooks yet.").wait_for()
    expect_focus(page)


def back_up(page):
    press(page, "Create backup")
    page.get_by_text("The backup is complete").wait_for()
    expect(page.get_by_role("button", name="Create backup")).to_be_focused()
    row = page.get_by_role("row").filter(has_text="larder-")
    go_to(page, row.get_by_role("button", name="Verify"))
    page.keyboard.press("Enter")
    row.get_by_text("Intact").wait_for()
    go_to(page, row.get_by_role("button", name="Download"))
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert zipfile.is_zipfile(download.value.path())


def read_figures(page):
    """Look at the numbers of a chart, and at the requests of one route."""
    go_to(page, page.get_by_role("figure").first.locator("summary"))
    page.keyboard.press("Enter")
    page.get_by_role("figure").first.get_by_role("table").wait_for()
    press(page, "POST /api/v1/backups", "link")
    page.get_by_text("Requests of POST /api/v1/backups in the last hour.").wait_for()
    press(page, "Show all requests", "link")
    page.get_by_text("All requests of the last hour.").wait_for()
    expect_focus(page)


def send_mail_again(page):
    press(page, "Send the mail to alice@example.com now")
    notice(page, "The mail to alice@example.com is sent now.")
    choose(page, "State", "Sent")
    press(page, "Search")
    page.get_by_text("No mail matches.").wait_for()
    press(page, "Clear")
    wait_for_rows(page, 1)
    press(page, "Sign out")
    heading(page, "Sign in")
    expect_focus(page)
