"""The own account: a member registers, changes everything and signs out, by the keyboard alone."""

import re

from playwright.sync_api import expect

from tests.browser.admin.conftest import check_accessible, forget_refusals, heading, wait_for_rows
from tests.browser.admin.keyboard import go_to, press, type_into
from tests.conftest import NEW_PASSWORD, PASSWORD
from tests.parts.server import Caller

MARKUP = "<img src=x onerror=alert(1)>"


def declare_profile(address):
    """Declare a profile field that members set, and one that only admins set."""
    with Caller(address) as admin:
        admin.sign_in("admin@example.com", PASSWORD)
        fields = {"nick": {"type": "string", "writable_by": ["member"], "max_length": 9}, "team": {"type": "string"}}
        assert admin.call("PUT", "/users/settings", {"fields": fields})[0] == 200
        admin.call("POST", "/roles", {"name": "coder", "permissions": ["api_keys:write"]})


def test_a_member_registers_and_changes_their_account(address, open_as, console):
    declare_profile(address)
    page = open_as(None, "/admin/register?next=/admin/account")
    check_accessible(page)
    type_into(page, "Your name", MARKUP)
    type_into(page, "E-mail address", "rita@example.com")
    type_into(page, "Password", "rita1234")
    page.keyboard.press("Enter")
    page.get_by_text("Some values are not valid.").wait_for()
    expect(page.get_by_label("Password")).to_be_focused()
    check_accessible(page)
    page.keyboard.press("Control+A")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    heading(page, "My account")
    heading(page, MARKUP, level=2)
    check_accessible(page)
    page.locator("dl").filter(has_text="Team").get_by_text("–").wait_for()
    expect(page.get_by_role("navigation", name="System")).to_have_count(0)
    change_profile(page)
    change_password(page)
    end_sessions(page, address)
    fits_a_phone(page)
    press(page, "Sign out")
    heading(page, "Sign in")
    sign_in_again(page)
    forget_refusals(console, 401, 422)


def change_profile(page):
    type_into(page, "Name", "Rita")
    type_into(page, "Nick", "much too long")
    page.keyboard.press("Enter")
    page.locator(".problems").filter(has_text="At most 9 characters.").wait_for()
    expect(page.get_by_label("Nick")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("ri")
    page.keyboard.press("Enter")
    page.get_by_text("Saved.").wait_for()
    heading(page, "Rita", level=2)
    page.reload()
    heading(page, "My account")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Rita")
    expect(page.get_by_label("Nick")).to_have_value("ri")


def change_password(page):
    for current, text in (("wrong", "This is not your password."), (PASSWORD, "Your new password is set.")):
        type_into(page, "Current password", current)
        type_into(page, "New password", NEW_PASSWORD)
        page.keyboard.press("Enter")
        page.get_by_text(text).wait_for()


def end_sessions(page, address):
    callers = [Caller(address).sign_in("rita@example.com", NEW_PASSWORD) for _ in range(2)]
    for caller in callers:
        caller.connection.close()  # as the server does when it is not used for long
    page.reload()
    sessions = page.get_by_role("row").filter(has_text="127.0.0.1")
    page.get_by_text("This session").wait_for()
    expect(sessions).to_have_count(3)
    check_accessible(page)
    one = sessions.get_by_role("button").first
    go_to(page, one)
    page.keyboard.press("Enter")
    press(page, "End session")
    page.get_by_text("The session has ended.").wait_for()
    wait_for_rows(page, 2)
    press(page, "End all other sessions")
    page.get_by_role("heading", name="End all other sessions?").wait_for()
    check_accessible(page)
    press(page, "End sessions")
    page.get_by_text("All other sessions have ended.").wait_for()
    expect(page.get_by_role("heading", name="Sessions")).to_be_focused()
    wait_for_rows(page, 1)
    for caller in callers:
        with caller:
            assert caller.call("GET", "/auth/me")[0] == 401


def fits_a_phone(page):
    size = page.viewport_size
    page.set_viewport_size({"width": 360, "height": 640})
    expect(page.locator("html")).to_have_js_property("scrollWidth", 360)
    page.set_viewport_size(size)


def sign_in_again(page):
    press(page, "Forgot your password?", "link")
    heading(page, "Forgot your password?")
    check_accessible(page)
    type_into(page, "Your e-mail address", "rita@example.com")
    page.keyboard.press("Enter")
    page.get_by_text("If this address has an account, a link is in the log of the server.").wait_for()
    press(page, "Sign in", "link")
    for password, text in ((PASSWORD, "The e-mail address or the password is wrong."), (NEW_PASSWORD, "Rita")):
        type_into(page, "E-mail address", "rita@example.com")
        type_into(page, "Password", password)
        page.keyboard.press("Enter")
        page.get_by_text(text).last.wait_for()


def test_somebody_with_the_permission_makes_and_revokes_api_keys(address, open_as):
    declare_profile(address)
    with Caller(address) as admin:
        admin.sign_in("admin@example.com", PASSWORD)
        edith = admin.call("GET", "/users?email=edith@example.com")[1]["data"][0]
        assert admin.call("PATCH", f"/users/{edith['id']}", {"roles": ["editor", "coder"]})[0] == 200
    page = open_as("edith", "/admin/account")
    page.get_by_text("There are no keys.").wait_for()
    press(page, "Create API key")
    form = page.get_by_role("dialog")
    form.wait_for()
    check_accessible(page)
    boxes = ("coder", "editor", "member", "api_keys:write")
    expect(form.locator("label.check")).to_have_text([re.compile(rf"^\s*{name}( –|\s*$)") for name in boxes])
    type_into(page, "Name", MARKUP, within="dialog")
    go_to(page, form.get_by_role("checkbox", name="editor"))
    page.keyboard.press("Space")
    type_into(page, "Expires", "0101", within="dialog")
    press(page, "Create key")
    page.get_by_text("This is not complete.").wait_for()
    expect(form.get_by_label("Expires")).to_be_focused()
    page.keyboard.type("01012090")
    page.keyboard.press("ArrowRight")  # a year may have more digits
    page.keyboard.type("1030AM")
    expect(form.get_by_label("Expires")).to_have_value("2090-01-01T10:30")
    press(page, "Create key")
    expect(page.get_by_label("Secret")).not_to_have_value("")
    secret = page.get_by_label("Secret").input_value()
    check_accessible(page)
    with Caller(address, secret) as program:
        status, answer = program.call("GET", "/auth/me")
    assert (status, answer["data"]["roles"], answer["data"]["api_key"]["expires_at"][:4]) == (200, ["editor"], "2090")
    press(page, "Done")
    page.get_by_role("row", name=MARKUP).wait_for()
    expect(form).to_have_count(0)
    assert secret not in page.content()
    expect(page.get_by_role("button", name="Create API key")).to_be_focused()
    press(page, f"Revoke {MARKUP}")
    page.get_by_role("heading", name=f"Revoke the key {MARKUP}?").wait_for()
    press(page, "Revoke")
    page.get_by_text("Revoked", exact=True).wait_for()
    check_accessible(page)
    with Caller(address, secret) as program:
        assert program.call("GET", "/auth/me")[0] == 401
