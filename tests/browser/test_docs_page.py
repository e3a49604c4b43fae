"""The page at `/docs`: somebody signs in, sees their own resources first, and tries a call."""

import re

import pytest
from playwright.sync_api import expect

from tests.conftest import ON_SQLITE, PASSWORD
from tests.parts.server import Caller, running_server

NOTES = {
    "name": "notes",
    "fields": {"title": {"type": "string"}, "after": {"type": "reference", "to": "notes"}},
    "access": {"list": ["owner"], "read": ["owner"], "create": ["member"]},
}


@pytest.fixture
def notes(address):
    """The address of a server with notes, of which Alice has one."""
    with Caller(address) as caller:
        caller.sign_in("admin@example.com", PASSWORD).call("POST", "/resources", NOTES)
        status, _ = caller.sign_in("alice@example.com", PASSWORD).call("POST", "/notes", {"title": "Buy milk"})
        assert status == 201
    return address


def sign_in(page, address, email="alice@example.com", password=PASSWORD):
    page.goto(f"http://{address}/docs")
    page.get_by_role("textbox", name="E-mail").fill(email)
    page.get_by_role("textbox", name="Password").fill(password)
    page.locator("header").get_by_role("button", name="Sign in").click()


def expect_tags(page, *names):
    """Wait until the page shows these tags first."""
    for place, name in enumerate(names):
        expect(page.locator(".opblock-tag").nth(place)).to_have_attribute("data-tag", name)


def try_call(page, operation):
    """Send a call with the button `Try it out`; return the place of the body that the page shows."""
    block = page.locator(f"#operations-{operation}")
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Try it out").click()
    block.get_by_role("button", name="Execute").click()
    return block.locator(".live-responses-table .highlight-code").first


def test_somebody_signs_in_sees_their_resources_first_and_tries_a_call(notes, page, console):
    page.goto(f"http://{notes}/docs")
    expect_tags(page, "root", "health")
    sign_in(page, notes)
    page.get_by_text("Signed in as").wait_for()
    expect(page.locator("#account")).to_contain_text("Signed in as alice@example.com")
    expect_tags(page, "notes", "root")
    expect(try_call(page, "notes-list_notes")).to_contain_text("Buy milk")
    names = page.locator("#operations-notes-list_notes .parameter__name")
    for place, name in enumerate(("page", "per_page", "sort", "fields")):
        expect(names.nth(place)).to_have_text(re.compile(rf"^{name}\b"))
    expect(page.locator("#operations-notes-list_notes input[type=file]")).to_have_count(0)  # `where` is a text
    expect(try_call(page, "notes-create_note")).to_contain_text('"message": "Created"')
    expect(try_call(page, "auth-get_me")).to_contain_text("alice@example.com")
    page.reload()
    expect_tags(page, "notes")
    page.locator("header").get_by_role("button", name="Sign out").click()
    page.locator("header").get_by_role("button", name="Sign in").wait_for()
    expect_tags(page, "root")
    assert page.evaluate("sessionStorage.length") == 0
    assert page.context.cookies() == []
    # Swagger UI reports its own links to calls whose names have `_`.
    assert [text for text in console if "deep link" not in text] == []
    console.clear()


@ON_SQLITE
def test_a_wrong_password_is_explained(address, page, console):
    sign_in(page, address, password="a wrong one")
    page.get_by_role("status").get_by_text("password").wait_for()
    expect(page.locator("header").get_by_role("button", name="Sign in")).to_be_enabled()
    assert [text for text in console if "401" not in text] == []
    console.clear()


@ON_SQLITE
def test_a_session_that_has_ended_is_noticed(notes, page, console):
    sign_in(page, notes)
    page.get_by_text("Signed in as").wait_for()
    expect_tags(page, "notes")
    with Caller(notes) as caller:
        assert caller.sign_in("alice@example.com", PASSWORD).call("DELETE", "/auth/sessions")[0] == 200
    page.reload()
    page.locator("header").get_by_role("button", name="Sign in").wait_for()
    expect_tags(page, "root")
    assert [text for text in console if "401" not in text] == []
    console.clear()


@ON_SQLITE
def test_an_access_token_is_refreshed(database_url, tmp_path, page):
    with running_server(tmp_path, database_url=database_url, access_token_seconds=31) as address:
        sign_in(page, address)
        page.get_by_text("Signed in as").wait_for()
        page.wait_for_timeout(1500)  # the page refreshes a token 30 seconds before its end
        with page.expect_response("**/auth/refresh") as refreshed:
            expect(try_call(page, "auth-get_me")).to_contain_text("alice@example.com")
        assert refreshed.value.status == 200


@ON_SQLITE
def test_private_documentation_is_shown_after_the_sign_in(database_url, tmp_path, page, console):
    with running_server(tmp_path, database_url=database_url, public_docs="false") as address:
        page.goto(f"http://{address}/docs")
        page.get_by_text("Sign in to see the documentation.").wait_for()
        expect(page.locator(".opblock-tag")).to_have_count(0)
        sign_in(page, address)
        page.locator('.opblock-tag[data-tag="auth"]').wait_for()
    assert [text for text in console if "401" not in text] == []
    console.clear()


@ON_SQLITE
def test_a_key_from_the_dialog_replaces_the_session(notes, page):
    with Caller(notes) as caller:
        body = {"name": "reader", "roles": ["member"]}
        status, answer = caller.sign_in("admin@example.com", PASSWORD).call("POST", "/api-keys", body)
        assert status == 201, answer
    sign_in(page, notes)
    page.get_by_text("Signed in as").wait_for()
    page.get_by_role("button", name="Authorize").click()
    dialog = page.locator(".modal-ux")
    dialog.locator("input").first.fill(answer["data"]["secret"])
    dialog.get_by_role("button", name="Apply credentials").first.click()
    dialog.get_by_role("button", name="Close").first.click()
    expect(try_call(page, "notes-list_notes")).to_contain_text('"data": []')
