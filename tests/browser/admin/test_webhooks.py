"""The screens of webhooks: one sends changes to a receiver that refuses some of them."""

import pytest
from playwright.sync_api import expect
from standardwebhooks import Webhook, WebhookVerificationError

from tests.browser.admin.conftest import (
    Client,
    check_accessible,
    close_messages,
    forget_refusals,
    heading,
    notice,
    wait_for_rows,
)
from tests.parts.receiver import receiver
from tests.parts.server import running_server

NOTES = {"name": "notes", "fields": {"title": {"type": "string"}}, "access": {"list": ["member"], "read": ["member"]}}


@pytest.fixture
def address(database_url, tmp_path):
    """The address of a server that may call the receiver."""
    with running_server(tmp_path, database_url=database_url, webhook_networks="127.0.0.0/8") as address:
        yield address


@pytest.fixture
def hook():
    """A receiver on this machine."""
    with receiver() as hook:
        yield hook


def test_an_admin_sends_changes_to_a_receiver(open_as, address, hook, console):
    admin = Client(address, "admin")
    admin.call("POST", "/resources", NOTES)
    page = open_as("admin", "/admin/webhooks")
    page.get_by_text("There are no webhooks yet.").wait_for()
    check_accessible(page)
    declare_a_feed(page, admin)
    secret = create(page, hook, console)
    send_test(page, hook, secret)
    note = admin.call("POST", "/notes", {"title": "<script>ran(1)</script>"})
    (message,) = hook.take(1)
    assert Webhook(secret).verify(message.body, message.headers)["data"]["record"]["id"] == note["id"]
    read_deliveries(page, note)
    fail_a_test(page, hook)
    send_all(page, hook)
    page.get_by_role("link", name="Webhook", exact=True).click()
    change_beside_somebody_else(page, admin, console)
    new_secret = rotate(page)
    changes = page.request.get(f"http://{address}/api/v1/changes?resource=notes").json()
    cursor = changes["meta"]["next_cursor"]
    admin.call("PATCH", f"/notes/{note['id']}", {"title": "new"})
    (message,) = hook.take(1)
    for each in (secret, new_secret):
        assert Webhook(each).verify(message.body, message.headers)["type"] == "notes.update"
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + 32 * "0").verify(message.body, message.headers)
    replay(page, cursor, console)
    assert [each.json["type"] for each in hook.take(1)] == ["notes.update"]
    switch_off(page, console)
    delete(page)


def test_a_webhook_is_given_to_a_service_account_and_taken_over(open_as, address, hook, console):
    admin = Client(address, "admin")
    admin.call("POST", "/resources", {**NOTES, "feed": True})
    service = admin.call("POST", "/users/services", {"name": "<script>Search</script>", "roles": ["member"]})
    page = open_as("admin", "/admin/webhooks/new")
    page.get_by_label("Name").fill("Index")
    page.get_by_label("URL").fill(hook.url)
    page.get_by_label("notes").check()
    page.get_by_label("member").check()
    account = page.get_by_label("Acts for")
    account.select_option("<script>Search</script>")
    check_accessible(page)
    page.get_by_role("button", name="Save").click()
    take_secret(page, "Index")
    close_messages(page)  # the same will be said again
    assert [each["created_by"] for each in admin.call("GET", "/webhooks")] == [service["id"]]
    expect(account).to_have_value(service["id"])
    account.select_option("You")
    page.get_by_role("button", name="Save").click()
    notice(page, "Saved.")
    expect(page.get_by_text("acts for you")).to_be_visible()
    assert admin.call("GET", "/webhooks")[0]["created_by"] == admin.call("GET", "/auth/me")["id"]


def declare_a_feed(page, admin):
    """Without a feed, the form says how to declare one; the form of the definition does so."""
    page.get_by_role("link", name="New webhook").first.click()
    page.get_by_text("No resource that you may list has a feed").wait_for()
    page.get_by_role("link", name="definition").click()
    page.get_by_role("link", name="notes", exact=True).click()
    page.get_by_label("List changes of records in the feed").check()
    page.get_by_role("button", name="Review").click()
    page.get_by_role("button", name="Apply", exact=True).click()
    notice(page, "The definition is changed.")
    assert admin.call("GET", "/resources/notes")["feed"] is True


def create(page, hook, console):
    """Create a webhook after an attempt that is refused; return its secret."""
    go(page, "Webhooks")
    page.get_by_role("link", name="New webhook").first.click()
    heading(page, "New webhook")
    check_accessible(page)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Name")).to_be_focused()
    expect(page.get_by_label("notes")).to_have_attribute("aria-invalid", "true")
    check_accessible(page)
    page.get_by_label("Name").fill("<script>Warehouse</script>")
    page.get_by_label("URL").fill("ftp://example.com")
    page.get_by_label("notes").check()
    page.get_by_label("member").check()
    page.get_by_label("Send the record, too").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("URL")).to_be_focused()
    expect(page.get_by_label("URL")).to_have_attribute("aria-invalid", "true")
    forget_refusals(console, 422)
    page.get_by_label("URL").fill(hook.url)
    page.get_by_role("button", name="Save").click()
    return take_secret(page, "<script>Warehouse</script>")


def take_secret(page, name):
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("It is not shown again.").wait_for()
    expect(dialog.get_by_label("Secret")).to_be_focused()
    check_accessible(page)
    secret = dialog.get_by_label("Secret").input_value()
    assert secret.startswith("whsec_")
    dialog.get_by_role("button", name="Done").click()
    heading(page, name)
    return secret


def send_test(page, hook, secret):
    page.get_by_role("button", name="Send test").click()
    expect(page.get_by_role("status").filter(has_text="Test: Delivered")).to_be_visible()
    (message,) = hook.take(1)
    assert Webhook(secret).verify(message.body, message.headers)["type"] == "webhook.test"
    check_accessible(page)


def read_deliveries(page, note):
    page.get_by_role("link", name="Deliveries").click()
    wait_for_rows(page, 2)
    change = page.get_by_role("row", name="notes.create")
    expect(change).to_contain_text("Delivered")
    expect(change.get_by_role("link", name=note["id"])).to_be_visible()
    check_accessible(page)


def fail_a_test(page, hook):
    """Send a test that is refused, find it, and send it again."""
    hook.answer = lambda message: 500
    page.get_by_role("link", name="Webhook", exact=True).click()
    page.get_by_role("button", name="Send test").click()
    expect(page.get_by_role("status").filter(has_text="Test: Failed")).to_contain_text("status 500")
    hook.answer = lambda message: 204
    page.get_by_role("link", name="Deliveries").click()
    page.get_by_label("State").select_option("Failed")
    page.get_by_role("button", name="Search").click()
    wait_for_rows(page, 1)
    page.get_by_role("button", name="Send the test again").click()
    notice(page, "The delivery is sent again.")
    first, again = hook.take(2)
    assert first.id == again.id
    page.get_by_text("No delivery matches.").wait_for()
    page.get_by_role("button", name="Clear").click()
    wait_for_rows(page, 3)
    check_accessible(page)


def send_all(page, hook):
    """Send what has failed or waits for a later attempt: tests are not among it."""
    page.get_by_role("button", name="Send all again").click()
    check_accessible(page)
    page.get_by_role("dialog").get_by_role("button", name="Send all").click()
    notice(page, "0 wait to be sent.")
    assert hook.take() == []


def rotate(page):
    page.get_by_role("button", name="New secret").click()
    page.get_by_role("button", name="Make secret").click()
    secret = take_secret(page, "Stock")
    page.get_by_text("The former secret is valid until").wait_for()
    return secret


def change_beside_somebody_else(page, admin, console):
    """Save what somebody else has changed, too: their change stays."""
    (webhook,) = admin.call("GET", "/webhooks")
    admin.call("PATCH", f"/webhooks/{webhook['id']}", {"actions": ["create", "update"]})
    page.get_by_label("Name").fill("Stock")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("dialog").get_by_text("Choose what to keep.").wait_for()
    check_accessible(page)
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    heading(page, "Stock")
    expect(page.get_by_label("delete")).not_to_be_checked()
    forget_refusals(console, 412)


def replay(page, cursor, console):
    """Let the webhook continue after a cursor, and then from now on."""
    page.get_by_text("Replay changes").click()
    page.get_by_label("Cursor").fill("<script>")
    page.get_by_role("button", name="Replay", exact=True).click()
    page.locator(".problems, .error").first.wait_for()
    check_accessible(page)
    forget_refusals(console, 400, 422)
    page.get_by_role("button", name="Continue from now").click()
    page.get_by_role("button", name="Continue", exact=True).click()
    notice(page, "The webhook sends what is changed from now on.")
    page.get_by_label("Cursor").fill(cursor)
    page.get_by_role("button", name="Replay", exact=True).click()
    notice(page, "The changes after this cursor are sent again.")


def switch_off(page, console):
    """Save the form, which was read before the new secret."""
    page.get_by_label("Active").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Off", exact=True)).to_be_visible()
    forget_refusals(console, 412)
    go(page, "Webhooks")
    expect(page.get_by_role("row", name="Stock")).to_contain_text("Off")
    check_accessible(page)


def delete(page):
    page.get_by_role("link", name="Stock", exact=True).click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.get_by_text("There are no webhooks yet.").wait_for()
    go(page, "Health")
    page.get_by_role("row", name="Webhooks OK").wait_for()


def go(page, name):
    page.get_by_role("navigation", name="System").get_by_role("link", name=name).click()
    heading(page, name)
