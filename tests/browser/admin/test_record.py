"""The page of a record: its form with every type of field, conflicts, history, and what others may not change."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.admin.conftest import check_accessible, close_messages
from tests.conftest import PASSWORD
from tests.parts.server import Caller

SCRIPT = "<script>document.title='broken'</script><img src=x onerror=\"document.title='broken'\">"
LARGE = 9223372036854775807  # no JavaScript number
LONG = "-12345678901234567890123456.123456789012"  # 38 digits
RESOURCES = {
    "tags": {
        "fields": {"name": {"type": "string", "required": True, "unique": True}},
        "access": {
            "list": ["member"],
            "read": ["member"],
            "create": ["member"],
            "update": ["owner"],
            "delete": ["owner"],
        },
    },
    "vaults": {"fields": {"name": {"type": "string"}}},  # only for admins
    "things": {
        "label": "title",
        "history": True,
        "fields": {
            "title": {"type": "string", "required": True, "min_length": 2, "description": "What it is"},
            "note": {"type": "string"},
            "body": {"type": "text"},
            "mail": {"type": "email"},
            "site": {"type": "url"},
            "code": {"type": "uuid"},
            "amount": {"type": "integer"},
            "size": {"type": "number"},
            "price": {"type": "decimal", "precision": 38, "scale": 12},
            "done": {"type": "boolean"},
            "day": {"type": "date"},
            "hour": {"type": "time"},
            "moment": {"type": "datetime"},
            "state": {"type": "enum", "choices": ["draft", "ready"], "default": "draft"},
            "extra": {"type": "json"},
            "words": {"type": "list", "of": "string"},
            "years": {"type": "list", "of": "integer", "default": []},
            "tag": {"type": "reference", "to": "tags", "on_delete": "restrict"},
            "tags": {"type": "references", "to": "tags"},
            "person": {"type": "reference", "to": "users"},
            "number": {"type": "sequence", "start": 100},
            "double": {"type": "number", "computed": "size * 2"},
            "vault": {"type": "reference", "to": "vaults"},
            "pin": {"type": "string", "readable_by": [], "writable_by": ["editor"]},
            "secret": {"type": "string", "readable_by": ["editor"], "writable_by": ["editor"]},
        },
        "access": {"list": ["member"], "read": ["member"], "create": ["editor"], "update": ["editor"]},
    },
}


@pytest.fixture
def api(address):
    """Return a function that calls the API as an admin, once the resources of this file are declared."""
    with Caller(address) as caller:
        token = caller.sign_in("admin@example.com", PASSWORD).token

    def call(*arguments):
        with Caller(address, token) as caller:  # the server closes a connection that is not used for long
            return caller.call(*arguments)

    for name, definition in RESOURCES.items():
        assert call("POST", "/resources", {"name": name, **definition})[0] == 201
    return call


def make(api, resource, **values):
    """Create a record and return it."""
    status, answer = api("POST", f"/{resource}", values)
    assert status == 201, answer
    return answer["data"]


def read(api, resource, record_id):
    """Return a record."""
    return api("GET", f"/{resource}/{record_id}")[1]["data"]


def field(page, label):
    """Return the control of a field."""
    return page.locator(f"main [name={label.lower()}]")


def save(page, said="Saved."):
    """Save by the keyboard, and wait for what is said, not for what was said before."""
    close_messages(page)
    expect(page.locator(".notice")).to_have_count(0)
    page.keyboard.press("Control+s")
    page.get_by_text(said, exact=True).wait_for()
    close_messages(page)


def test_a_record_is_typed_and_changed_with_every_type(open_as, api, console):
    tags = [make(api, "tags", name=name)["id"] for name in ("Red", "Green", f"Blue {SCRIPT}")]
    page = open_as("admin", "/admin/records/things/new")
    check_accessible(page)

    page.keyboard.press("Control+s")
    page.get_by_text("A value is required.").first.wait_for()
    expect(field(page, "Title")).to_be_focused()
    refuse_all(page)
    check_accessible(page)
    console.clear()  # the browser reports each 422

    texts = {
        **{
            "Title": SCRIPT,
            "Body": f"one\ntwo {SCRIPT}",
            "Mail": "ada@example.com",
            "Site": "https://example.com/?a=1",
        },
        **{"Code": "01A218FA-E9E2-7000-9A90-A86122D5AA67", "Amount": str(LARGE), "Size": "0.1", "Price": LONG},
        **{"Day": "2026-01-31", "Hour": "09:30:15", "Moment": "2026-01-31T09:30:15.120"},
        "Extra": json.dumps({"large": LARGE, "text": SCRIPT}),
    }
    for label, text in texts.items():
        field(page, label).fill(text)
    field(page, "Done").select_option("Yes")
    field(page, "State").select_option("ready")
    type_words(page)
    pick_tags(page)
    save(page)
    page.wait_for_url("**/things/0*")
    record = read(api, "things", page.url.rsplit("/", 1)[1])
    assert {name: record[name] for name in ("title", "note", "body", "mail", "site", "code")} == {
        **{"title": SCRIPT, "note": None, "body": texts["Body"], "mail": texts["Mail"], "site": texts["Site"]},
        "code": texts["Code"].lower(),
    }
    assert (record["amount"], record["size"], record["price"], record["done"]) == (LARGE, 0.1, LONG, True)
    assert (record["day"], record["hour"], record["state"]) == ("2026-01-31", "09:30:15", "ready")
    local = page.evaluate("new Date('2026-01-31T09:30:15.120').toISOString()")
    assert record["moment"] == local.replace("120Z", "120000Z")
    assert record["extra"] == {"large": LARGE, "text": SCRIPT}
    assert (record["words"], record["years"]) == (["b", "a", "c"], [LARGE])
    assert (record["tag"], record["tags"]) == (tags[1], [tags[2], tags[0]])
    assert (record["number"], record["double"]) == (100, 0.2)
    change(page, api, record)
    check_history(page, api, record)


def refuse_all(page):
    """Type what is not valid, and see what is wrong at each field."""
    wrong = {
        **{"Title": "x", "Mail": "none", "Site": "javascript:alert(1)", "Code": "1", "Amount": "1.5", "Size": "big"},
        **{"Price": "1.1234567890123", "Extra": "{", "Person": ""},
    }
    for label, text in wrong.items():
        field(page, label).fill(text)
    field(page, "Day").focus()
    page.keyboard.type("01")  # a month without its day and year
    page.keyboard.press("Control+s")
    page.get_by_text("This is not complete.").wait_for()
    field(page, "Day").fill("")
    page.keyboard.press("Control+s")
    page.get_by_text("This is not JSON").wait_for()
    expect(field(page, "Extra")).to_be_focused()
    field(page, "Extra").fill("")
    page.keyboard.press("Control+s")
    page.get_by_text("Some values are not valid.").wait_for()
    invalid = page.locator("[aria-invalid]")
    names = ("title", "mail", "site", "code", "amount", "size", "price")
    expect(invalid).to_have_count(len(names))
    for place, name in enumerate(names):
        expect(invalid.nth(place)).to_have_attribute("name", name)
    expect(field(page, "Title")).to_be_focused()
    expect(field(page, "Title")).to_have_accessible_description(re.compile("at least 2 characters|2 to ", re.I))


def type_words(page):
    """Fill lists: Enter and the button add a value, and what is typed but not added is saved, too."""
    words = field(page, "Words")
    for word in ("a", "b"):
        words.fill(word)
        page.keyboard.press("Enter")
        page.get_by_role("button", name=f"Remove {word}", exact=True).wait_for()
    page.get_by_role("button", name="Move b forward").click()
    words.fill("c")
    field(page, "Years").fill(str(LARGE))


def pick_tags(page):
    """Choose records by the keyboard alone."""
    field(page, "Tag").focus()
    page.keyboard.type("gre")
    page.get_by_role("option", name="Green").wait_for()
    check_accessible(page)
    page.keyboard.press("Enter")
    expect(field(page, "Tag")).to_have_value("Green")
    page.keyboard.press("Tab")
    for name in ("Red", "Blue"):
        page.keyboard.press("ArrowDown")
        page.get_by_role("option", name=name).wait_for()
        page.keyboard.type(name)
        page.get_by_text("1 found").wait_for()
        page.keyboard.press("Enter")
        page.get_by_role("button", name=f"Remove {name}").wait_for()
    page.get_by_role("button", name=re.compile("^Move Blue")).click()
    field(page, "Tag").click()  # shows all; nothing is chosen by leaving
    page.get_by_role("option", name="Red").wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    expect(page.get_by_role("option", name="Red")).to_be_hidden()
    expect(field(page, "Tag")).to_have_value("Green")
    person = field(page, "Person")
    person.fill("no such person")
    page.get_by_text("Nothing found").wait_for()
    page.keyboard.press("Escape")
    expect(person).to_have_value("")


def change(page, api, record):
    """Change some fields: nothing else is sent, and an empty text differs from no value."""
    page.get_by_role("heading", level=1).get_by_text(SCRIPT).wait_for()
    check_accessible(page)
    expect(field(page, "Amount")).to_have_value(str(LARGE))
    save(page, "There is nothing to save.")
    page.get_by_label("No value for Note").uncheck()
    field(page, "Body").fill("")
    field(page, "State").select_option("No value")
    page.get_by_role("button", name="Remove Red").click()
    expect(field(page, "Tags")).to_be_focused()
    save(page)
    changed = read(api, "things", record["id"])
    assert {name for name in changed if changed[name] != record[name]} == {
        *("note", "body", "state", "tags", "updated_at", "version")
    }
    assert (changed["note"], changed["body"], changed["state"]) == ("", None, None)
    expect(page.get_by_text("Not saved yet")).to_have_count(0)


def check_history(page, api, record):
    """See the changes before and after."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy link").click()
    page.get_by_text("The link is copied.").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    page.get_by_role("link", name="History").click()
    page.get_by_role("heading", name="Version 2, changed by admin").wait_for()
    check_accessible(page)
    row = page.get_by_role("row", name="State").first
    expect(row.get_by_role("cell")).to_have_text(["ready", "–"])
    expect(page.get_by_role("row", name="Tags").first.get_by_role("link")).to_have_count(3)
    expect(page.get_by_text(SCRIPT).first).to_be_visible()
    expect(page).to_have_title(re.compile("^History"))
    for size in range(20):
        assert api("PATCH", f"/things/{record['id']}", {"size": size})[0] == 200
    page.reload()
    page.get_by_role("button", name="Older").click()
    page.get_by_role("heading", name="Version 1, created by admin").wait_for()
    expect(page.get_by_role("button", name="Older")).to_be_disabled()


def test_two_people_change_a_record(open_as, api, console):
    red, green = (make(api, "tags", name=name)["id"] for name in ("Red", "Green"))
    thing = make(api, "things", title="Lamp", note="old", amount=1, tag=red, tags=[green], secret="s3")
    path = f"/admin/records/things/{thing['id']}"
    page = open_as("edith", path)
    field(page, "Title").fill("Yours")
    field(page, "Amount").fill("2")
    api("PATCH", f"/things/{thing['id']}", {"title": "Theirs", "note": f"new {SCRIPT}"})
    page.keyboard.press("Control+s")
    dialog = page.get_by_role("dialog", name="Changed meanwhile")
    dialog.wait_for()
    check_accessible(page)
    for name, is_chosen in (("Title", True), ("Note", False), ("Amount", True)):
        expect(dialog.get_by_label(f"Yours: {name}")).to_be_checked(checked=is_chosen)
    dialog.get_by_label("Theirs: Title").check()
    dialog.get_by_role("button", name="Save").click()
    page.get_by_text("Saved.", exact=True).wait_for()
    stored = read(api, "things", thing["id"])
    assert (stored["title"], stored["note"], stored["amount"], stored["version"]) == ("Theirs", f"new {SCRIPT}", 2, 3)

    field(page, "Title").fill("Mine")
    api("PATCH", f"/things/{thing['id']}", {"title": "Theirs again"})
    page.keyboard.press("Control+s")
    dialog.get_by_role("button", name="Save").click()
    page.get_by_role("heading", name="Mine", level=1).wait_for()
    assert read(api, "things", thing["id"])["title"] == "Mine"
    assert [text for text in console if "412" not in text] == []
    console.clear()

    lose_session_and_connection(page, console)
    stored = read(api, "things", thing["id"])
    assert (stored["note"], stored["pin"], stored["person"]) == ("kept", "1234", person_id(api, "Alice"))
    refuse_deletion(open_as, red, console)
    show_to_others(open_as, path, red)


def person_id(api, name):
    """Return the id of a user."""
    return api("GET", f"/directory?name={name}")[1]["data"][0]["id"]


def lose_session_and_connection(page, console):
    """What is typed stays when the session ends, and while the server cannot be reached; then it is saved."""
    expect(field(page, "Pin")).to_have_value("")  # it can only be written
    expect(field(page, "Vault")).to_be_editable()  # it cannot be listed: its id is typed
    expect(field(page, "Vault")).not_to_have_attribute("role", "combobox")
    field(page, "Pin").fill("1234")
    person = field(page, "Person")
    person.fill("ali")
    page.get_by_role("option", name="Alice").click()
    page.context.clear_cookies()
    page.keyboard.press("Control+s")
    again = page.get_by_role("dialog", name="Sign in again")
    again.get_by_label("Password").fill(PASSWORD)
    check_accessible(page)
    again.get_by_role("button", name="Sign in").click()
    again.wait_for(state="detached")
    expect(person).to_have_value("Alice")
    save(page)

    field(page, "Note").fill("kept")
    page.route("**/*", lambda route: route.abort())
    page.keyboard.press("Control+s")
    page.get_by_text("The connection to the server is lost.").wait_for()
    expect(field(page, "Note")).to_have_value("kept")
    page.unroute("**/*")
    page.get_by_text("The connection to the server is lost.").wait_for(state="detached")
    save(page)
    assert [text for text in console if "401" not in text and "ERR_FAILED" not in text] == []
    console.clear()


def show_to_others(open_as, path, tag):
    """Members see what they may read, without a form; they change what is their own."""
    page = open_as("alice", path)
    page.get_by_role("link", name="Red").wait_for()
    expect(page.get_by_role("button", name=re.compile("Save|Delete"))).to_have_count(0)
    expect(page.get_by_text(re.compile("Secret|Pin"))).to_have_count(0)
    check_accessible(page)
    page = open_as("alice", f"/admin/records/tags/{tag}")
    page.get_by_role("definition").get_by_text("Red").wait_for()
    expect(page.get_by_role("button", name=re.compile("Save|Delete"))).to_have_count(0)
    page = open_as("alice", "/admin/records/tags/new")
    field(page, "Name").fill("Mine")
    save(page)
    page.get_by_role("heading", name="Mine").wait_for()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.get_by_text("Deleted.", exact=True).wait_for()


def refuse_deletion(open_as, tag, console):
    """Delete a record to which another refers, and see why that is refused; and count what refers to it."""
    page = open_as("admin", f"/admin/records/tags/{tag}")
    page.get_by_role("button", name="Count Things (tag)").click()
    page.get_by_role("listitem").filter(has=page.get_by_role("link", name="Things (tag)")).get_by_text("1").wait_for()
    field(page, "Name").fill("Rose")
    page.get_by_role("link", name="All tags").click()
    leaving = page.get_by_role("dialog", name="Leave without saving?")
    leaving.wait_for()
    check_accessible(page)
    leaving.get_by_role("button", name="Cancel").click()
    leaving.wait_for(state="detached")
    expect(field(page, "Name")).to_have_value("Rose")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.get_by_text("The record is still referenced by things.").wait_for()
    assert [text for text in console if "409" not in text] == []
    console.clear()
    field(page, "Name").fill("Red")
