"""Many values at once on the admin page: links to more records than one request reads, and values of a filter."""

import re

from playwright.sync_api import expect

from tests.browser.admin.conftest import Client, wait_for_rows
from tests.helpers import OPEN

TAGS = {"name": "tags", "label": "name", "fields": {"name": {"type": "string"}}, "access": OPEN}
NOTES = {
    "name": "notes",
    "label": "title",
    "fields": {"title": {"type": "string"}, "tags": {"type": "references", "to": "tags", "max": 200}},
    "access": OPEN,
}


def test_many_links_have_their_labels_and_a_filter_takes_what_is_typed(address, open_as):
    admin = Client(address, "admin")
    for definition in (TAGS, NOTES):
        admin.call("POST", "/resources", definition)
    creations = [{"op": "create", "resource": "tags", "data": {"name": f"Tag {number:03}"}} for number in range(120)]
    made = [admin.call("POST", "/batch", {"operations": each}) for each in (creations[:60], creations[60:])]
    tags = [each["data"]["id"] for batch in made for each in batch]
    note = admin.call("POST", "/notes", {"title": "Milk", "tags": tags})

    page = open_as("alice", f"/admin/records/notes/{note['id']}")
    texts = page.locator(".chips li")
    expect(texts).to_have_count(120)
    expect(texts.first).to_contain_text("Tag 000")
    expect(texts.last).to_contain_text("Tag 119")
    expect(texts.filter(has_text=re.compile("[0-9a-f]{8}-"))).to_have_count(0)

    page.goto(f"http://{address}/admin/records/tags")
    wait_for_rows(page, 20)
    page.get_by_role("button", name="Add filter").click()
    page.get_by_label("Field").select_option("name")
    page.get_by_label("Condition").select_option(label="is one of")
    value = page.get_by_role("dialog").get_by_label("Values")
    value.fill("Tag 001")
    page.get_by_role("button", name="Add", exact=True).click()
    value.fill("Tag 007")  # not added
    page.get_by_role("button", name="Apply").click()
    wait_for_rows(page, 2)
    expect(page.locator("tbody th")).to_have_text(["Tag 001", "Tag 007"])
