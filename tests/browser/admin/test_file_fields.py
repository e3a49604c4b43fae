"""Files in the form of a record: chosen, checked, shown, replaced and removed."""

import io

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.admin.conftest import Client, check_accessible, forget_refusals
from tests.browser.conftest import PATIENCE_MS

SCRIPT = "<img src=x onerror=document.title='broken'>.png"
PEOPLE = {
    "name": "persons",
    "label": "name",
    "history": True,
    "fields": {
        "name": {"type": "string", "required": True},
        "photo": {"type": "file", "types": ["image/*"], "max_bytes": 50_000, "thumbs": ["40x40"]},
        "cv": {"type": "file"},
    },
    "access": {action: ["member"] for action in ("list", "read", "create", "update", "delete")},
}


@pytest.fixture
def persons(address):
    """The resource with files; returns a Client of an admin."""
    client = Client(address, "admin")
    client.call("POST", "/resources", PEOPLE)
    return client


def picture(colour, name="photo.png"):
    """Return a picture as a file input takes it."""
    content = io.BytesIO()
    Image.new("RGB", (80, 60), colour).save(content, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": content.getvalue()}


def save(page):
    """Save the record, and wait until it is saved."""
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved.", exact=True).first).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("Not saved yet")).to_have_count(0)


def test_files_of_a_record(persons, open_as, page, console):
    open_as("alice", "/admin/records/persons/new")
    photo, cv = page.get_by_label("Photo"), page.get_by_label("Cv")
    page.get_by_label("Name").fill("Ada")
    photo.set_input_files({"name": "large.png", "mimeType": "image/png", "buffer": b"x" * 50_001})
    expect(page.get_by_text("At most 50 KB; this file has 50 KB.")).to_be_visible()
    photo.set_input_files(picture("red", SCRIPT))
    expect(page.get_by_text(SCRIPT, exact=True)).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("It is stored when you save.")).to_be_visible()
    expect(page.get_by_text("At most 50 KB")).to_have_count(0)
    cv.set_input_files({"name": "cv.txt", "mimeType": "text/plain", "buffer": b"I was born."})
    expect(page.get_by_text("cv.txt", exact=True)).to_be_visible(timeout=PATIENCE_MS)
    check_accessible(page)
    save(page)
    expect(page.get_by_role("link", name=SCRIPT)).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_role("link", name="cv.txt")).to_be_visible()
    (record,) = persons.call("GET", "/persons")
    assert (record["photo"]["name"], record["photo"]["type"]) == (SCRIPT, "image/png")
    assert record["cv"]["name"] == "cv.txt"

    photo.set_input_files({"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no picture"})
    expect(page.get_by_text("notes.txt", exact=True)).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("This file is text/plain. Allowed: image/*.")).to_be_visible(timeout=PATIENCE_MS)
    expect(photo).to_be_focused()
    check_accessible(page)
    forget_refusals(console, 422)
    photo.set_input_files(picture("blue", "blue.png"))
    expect(page.get_by_text("blue.png", exact=True)).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("button", name="Remove", exact=True).last.click()  # the CV
    expect(cv).to_be_focused()
    save(page)
    (record,) = persons.call("GET", "/persons")
    assert (record["photo"]["name"], record["cv"]) == ("blue.png", None)

    page.reload()
    expect(page.locator("img.picture.large")).to_have_js_property("naturalWidth", 40)  # the thumbnail
    page.get_by_role("link", name="History").click()
    expect(page.get_by_text("blue.png").first).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text(SCRIPT).first).to_be_visible()
    page.goto(page.url.partition("/admin")[0] + "/admin/records/persons")
    expect(page.get_by_role("link", name="blue.png")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("td img.picture")).to_have_js_property("naturalWidth", 40)
    check_accessible(page)
    assert page.title() != "broken"


def test_an_upload_is_stopped_or_fails(persons, open_as, page, console):
    open_as("alice", "/admin/records/persons/new")
    page.set_viewport_size({"width": 360, "height": 740})
    page.route("**/api/v1/files", lambda route: None)  # it waits
    cv = page.get_by_label("Cv")
    page.get_by_label("Name").fill("Ben")
    cv.set_input_files(picture("red", "slow.png"))
    expect(page.get_by_role("button", name="Stop")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("html")).to_have_js_property("scrollWidth", 360)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("The file is still being sent. Wait, or stop it.")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    expect(cv).to_be_focused()
    page.unroute("**/api/v1/files")
    page.route("**/api/v1/files", lambda route: route.abort())
    cv.set_input_files(picture("red", "lost.png"))
    expect(page.get_by_text("The server cannot be reached.").first).to_be_visible(timeout=PATIENCE_MS)
    page.unroute("**/api/v1/files")
    console.clear()
    cv.set_input_files(picture("red", "again.png"))
    expect(page.get_by_text("again.png", exact=True)).to_be_visible(timeout=PATIENCE_MS)
    save(page)
    (record,) = persons.call("GET", "/persons")
    assert (record["name"], record["cv"]["name"]) == ("Ben", "again.png")
    console.clear()
