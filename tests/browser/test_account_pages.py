"""The pages that mails link to, as people meet them."""

import re

import pytest
from playwright.sync_api import expect

from tests.conftest import NEW_PASSWORD, ON_SQLITE, PASSWORD
from tests.parts.server import Caller, running_server
from tests.parts.smtp import link_in, text_of

pytestmark = ON_SQLITE


@pytest.fixture
def address(database_url, tmp_path, mailbox):
    """The address of a server that sends mail and knows the app."""
    with running_server(
        tmp_path,
        database_url=database_url,
        smtp_url=mailbox.url,
        app_url="https://app.example.com/",
        app_name="Garden",
        **{f"{page}_path": "off" for page in ("reset", "verification", "invitation")},
    ) as address:
        yield address


def wait_for_link(page, mailbox):
    """Return the path of the link in the next mail that has one."""
    while not (mails := [mail for mail in mailbox.take() if "#token=" in text_of(mail)]):
        page.wait_for_timeout(100)
    return re.sub(r"^https?://[^/]+", "", link_in(mails[0]))


def forget(page, address, email="alice@example.com"):
    """Ask for a link to set a new password."""
    answer = page.request.post(f"http://{address}/api/v1/auth/password/forgot", data={"email": email})
    assert answer.status == 200


def test_a_password_is_set_once_and_another_link_is_offered(address, page, mailbox, console):
    forget(page, address)
    link = f"http://{address}{wait_for_link(page, mailbox)}"
    page.goto(link)
    page.get_by_label("Password").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Set password").click()
    page.get_by_text("Your new password is set.").wait_for()
    expect(page.get_by_role("link", name="Go to Garden")).to_have_attribute("href", "https://app.example.com/")
    expect(page).to_have_url(link.split("#")[0])
    page.goto(link)
    page.reload()
    page.get_by_label("Password").fill(NEW_PASSWORD + "!")
    page.get_by_role("button", name="Set password").click()
    page.get_by_text("If you have set a new password with it, sign in with that.").wait_for()
    (refusal,) = console
    assert "422" in refusal
    console.clear()
    page.get_by_label("Your e-mail address").fill("alice@example.com")
    page.get_by_role("button", name="Send another link").click()
    page.get_by_text("another link is on its way").wait_for()
    mailbox_link = wait_for_link(page, mailbox)
    assert mailbox_link.startswith("/account/reset#token=")


def test_an_address_is_confirmed_also_by_a_second_click(address, page, mailbox):
    account = {"email": "carol@example.com", "password": PASSWORD, "name": "Carol"}
    assert page.request.post(f"http://{address}/api/v1/auth/register", data=account).status == 201
    link = f"http://{address}{wait_for_link(page, mailbox)}"
    for _ in range(2):
        page.goto(link)
        page.reload()
        page.get_by_role("button", name="Confirm").press("Enter")
        page.get_by_text("Your address is confirmed. You can sign in now.").wait_for()


def test_somebody_registers_and_signs_in_with_a_confirmed_address(address, page, mailbox, console):
    page.goto(f"http://{address}/admin/sign-in?next=//example.com/")
    page.get_by_role("link", name="Register").click()
    page.get_by_label("Your name").fill("Carol")
    page.get_by_label("E-mail address").fill("carol@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Register").click()
    page.get_by_text("Open the link in the mail to carol@example.com.").wait_for()
    link = wait_for_link(page, mailbox)
    page.get_by_role("link", name="Sign in").click()
    sign_in(page, "carol@example.com")
    page.get_by_text("the address is not confirmed yet").wait_for()
    page.goto(f"http://{address}{link}")
    page.get_by_role("button", name="Confirm").click()
    page.get_by_text("Your address is confirmed.").wait_for()
    page.goto(f"http://{address}/admin/sign-in?next=/admin/account")
    sign_in(page, "carol@example.com")
    page.get_by_role("heading", name="My account").wait_for()
    (refusal,) = console
    assert "401" in refusal
    console.clear()


def test_somebody_accepts_an_invitation(address, page, mailbox):
    with Caller(address).sign_in("admin@example.com", PASSWORD) as admin:
        assert admin.call("POST", "/invitations", {"email": "dora@example.com", "roles": ["editor"]})[0] == 201
        page.goto(f"http://{address}{wait_for_link(page, mailbox)}")
        page.get_by_label("Your name").fill("Dora")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Create account").click()
        page.get_by_text("Your account is created.").wait_for()
        (dora,) = admin.call("GET", "/users?email=dora@example.com")[1]["data"]
        assert (dora["name"], dora["roles"]) == ("Dora", ["editor", "member"])


def sign_in(page, email):
    """Fill in the form to sign in, and send it."""
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_registration_is_offered_only_where_it_is_open(database_url, tmp_path, page):
    with running_server(tmp_path, database_url=database_url, registration="closed") as address:
        page.goto(f"http://{address}/admin/sign-in?next=//example.com/")
        sign_in_button = page.get_by_role("button", name="Sign in")
        page.get_by_role("link", name="Forgot your password?").wait_for()
        expect(page.get_by_role("link", name="Register")).to_have_count(0)
        sign_in(page, "alice@example.com")
        page.get_by_role("button", name="Sign out").wait_for()
        expect(page).to_have_url(f"http://{address}/admin/")
        page.get_by_role("button", name="Sign out").click()
        sign_in_button.wait_for()
        page.goto(f"http://{address}/admin/register")
        page.get_by_text("Registration is not open.").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone_in_light_and_dark(address, page, scheme, tmp_path):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 360, "height": 640})
    page.goto(f"http://{address}/account/invitation#token=abc")
    page.get_by_label("Your name").wait_for()
    expect(page.locator("html")).to_have_js_property("scrollWidth", 360)
    background = "rgb(243, 245, 247)"
    body = expect(page.locator("body"))
    (body.to_have_css if scheme == "light" else body.not_to_have_css)("background-color", background)
    page.screenshot(path=tmp_path / f"{scheme}.png")
