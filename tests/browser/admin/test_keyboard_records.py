"""Records by the keyboard alone: an editor signs in, finds, changes, deletes, imports and exports them."""

import csv

import pytest
from playwright.sync_api import expect

from tests.browser.admin.conftest import Client, expect_labels, forget_refusals, heading, wait_for_rows
from tests.browser.admin.keyboard import choose, choose_file, expect_focus, go_to, press, toggle, type_into
from tests.conftest import PASSWORD

EDITORS = {action: ["editor"] for action in ("list", "read", "create", "update", "delete")}
RESOURCES = {
    "shelves": {"fields": {"name": {"type": "string", "unique": True}}, "access": EDITORS},
    "books": {
        "fields": {
            "title": {"type": "string", "required": True, "unique": True},
            "shelf": {"type": "reference", "to": "shelves"},
            "pages": {"type": "integer", "min": 1},
            "note": {"type": "text"},
        },
        "search": ["title"],
        "history": True,
        "access": EDITORS,
    },
}
ROWS = "title,pages\nEmma,300\nDracula,0\n"


@pytest.fixture
def client(address):
    """The API as the editor uses it, with a shelf and 24 books."""
    admin, editor = Client(address, "admin"), Client(address, "edith")
    for name, definition in RESOURCES.items():
        admin.call("POST", "/resources", {"name": name, **definition})
    editor.call("POST", "/shelves", {"name": "Novels"})
    for number in range(1, 25):
        editor.call("POST", "/books", {"title": f"Book {number:02}", "pages": number * 10})
    return editor


def books(*numbers):
    return [f"Book {number:02}" for number in numbers]


def test_an_editor_works_with_records_by_the_keyboard_alone(open_as, client, console, tmp_path):
    page = open_as(None, "/admin/")
    press(page, "Sign in", "link", within="nav")
    heading(page, "Sign in")
    type_into(page, "E-mail address", "edith@example.com")
    type_into(page, "Password", PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Sign out").wait_for()
    press(page, "Books", "link", within="nav")
    wait_for_rows(page, 20)
    find(page)
    filter_and_sort(page)
    turn_pages(page)
    choose_columns_and_export(page)
    create(page)
    edit_and_resolve_a_conflict(page, client)
    read_history_and_delete(page)
    delete_two(page, client)
    import_rows(page, tmp_path)
    press(page, "Sign out")
    heading(page, "Sign in")
    expect_focus(page)
    forget_refusals(console, 412, 422)


def find(page):
    """Search, first for what is not there."""
    type_into(page, "Search", "no such book")
    page.keyboard.press("Enter")
    page.get_by_text("No records match.").wait_for()
    press(page, "Show all records")
    wait_for_rows(page, 20)
    type_into(page, "Search", "Book 07")
    page.keyboard.press("Enter")
    expect_labels(page, books(7))
    type_into(page, "Search", " ")
    page.keyboard.press("Enter")
    wait_for_rows(page, 20)


def filter_and_sort(page):
    """Add, change and remove filters, and sort by a column."""
    for field, condition, value in (("Pages", "is at least", "230"), ("Title", "starts with", "Book")):
        press(page, "Add filter")
        choose(page, "Field", field, within="dialog")
        choose(page, "Condition", condition, within="dialog")
        type_into(page, "Value", value, within="dialog")
        page.keyboard.press("Enter")
        page.get_by_role("button", name=f"{field} {condition} {value}", exact=True).wait_for()
        expect(page.get_by_role("button", name="Add filter")).to_be_focused()
    expect_labels(page, books(23, 24))
    press(page, "Pages is at least 230")
    type_into(page, "Value", "220", within="dialog")
    press(page, "Apply")
    expect_labels(page, books(22, 23, 24))
    expect(page.get_by_role("button", name="Pages is at least 220", exact=True)).to_be_focused()
    press(page, "Remove the filter: Title starts with")
    expect(page.get_by_role("button", name="Add filter")).to_be_focused()
    for shown in (books(22, 23, 24), books(24, 23, 22)):
        press(page, "Pages")
        expect_labels(page, shown)
        expect(page.locator("th button:focus")).to_have_count(1)
    press(page, "Clear filters")
    expect_labels(page, books(*range(24, 4, -1)))


def turn_pages(page):
    """Go to the last page and back."""
    press(page, "Count")
    page.get_by_text("of 24 records").wait_for()
    expect(page.get_by_text("of 24 records")).to_be_focused()
    press(page, "Next")
    expect_labels(page, books(4, 3, 2, 1))
    expect(page.get_by_role("button", name="Next", exact=True)).to_be_focused()
    press(page, "Previous")
    wait_for_rows(page, 20)
    choose(page, "Per page", "50")
    wait_for_rows(page, 24)


def choose_columns_and_export(page):
    """Leave a column out, and download the others."""
    press(page, "Columns")
    toggle(page, "Note", within="dialog")
    press(page, "Close")
    page.get_by_role("columnheader", name="Note").wait_for(state="detached")
    expect(page.get_by_role("button", name="Columns")).to_be_focused()
    press(page, "Export")
    choose(page, "Columns", "The columns that are shown", within="dialog")
    with page.expect_download() as download:
        press(page, "Download")
    with open(download.value.path(), encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file))[:2] == [["title", "shelf", "pages"], ["Book 24", "", "240"]]
    expect(page.get_by_role("button", name="Export")).to_be_focused()


def create(page):
    """Create a record, once it is valid, with a related one that is searched."""
    press(page, "New record", "link")
    heading(page, "New record of books")
    type_into(page, "Title (required)", "Persuasion")
    type_into(page, "Shelf", "nov")
    page.get_by_role("option", name="Novels").wait_for()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Shelf")).to_have_value("Novels")
    type_into(page, "Pages", "0")
    press(page, "Save")
    page.get_by_text("Must be 1 or more.").wait_for()
    expect(page.get_by_label("Pages")).to_be_focused()
    type_into(page, "Pages", "250")
    page.keyboard.press("Enter")
    heading(page, "Persuasion")
    page.get_by_role("link", name="History").wait_for()


def edit_and_resolve_a_conflict(page, client):
    """Change a record that somebody else has changed meanwhile."""
    type_into(page, "Title (required)", "Mine")
    type_into(page, "Pages", "251")
    record = page.url.rsplit("/", 1)[1]
    client.call("PATCH", f"/books/{record}", {"title": "Theirs"})
    page.keyboard.press("Control+s")
    go_to(page, page.get_by_role("dialog", name="Changed meanwhile").get_by_label("Yours: Title"))
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_label("Theirs: Title")).to_be_checked()
    press(page, "Save", within="dialog")
    heading(page, "Theirs")
    expect(page.get_by_label("Pages")).to_be_focused()  # where Ctrl+S was pressed
    stored = client.call("GET", f"/books/{record}")
    assert (stored["title"], stored["pages"]) == ("Theirs", 251)


def read_history_and_delete(page):
    """Look at the changes of a record, count what refers to it, and delete it."""
    press(page, "History", "link")
    heading(page, "Version 3, changed by Edith", level=2)
    press(page, "The record", "link")
    heading(page, "Theirs")
    press(page, "Copy link")
    press(page, "Delete")
    press(page, "Cancel")
    expect(page.get_by_role("button", name="Delete")).to_be_focused()
    press(page, "Delete")
    press(page, "Delete", within="dialog")
    heading(page, "Books")
    wait_for_rows(page, 20)


def delete_two(page, client):
    """Select records and delete them."""
    for name in books(1, 2):
        toggle(page, f"Select {name}")
    press(page, "Clear selection")
    page.get_by_text("2 records selected").wait_for(state="detached")
    for name in books(1, 2):
        toggle(page, f"Select {name}")
    press(page, "Delete 2 records")
    press(page, "Delete", within="dialog")
    expect(page.get_by_role("rowheader", name="Book 03")).to_be_visible()
    page.get_by_role("rowheader", name="Book 01").wait_for(state="detached")
    assert [book["title"] for book in client.call("GET", "/books?per_page=2")] == books(3, 4)


def import_rows(page, tmp_path):
    """Import the valid row of a file."""
    path = tmp_path / "books.csv"
    path.write_text(ROWS)
    press(page, "Import", "link")
    heading(page, "Import books")
    choose_file(page, "File", path)
    press(page, "Check the file")
    page.get_by_text("2 rows: would create 1 record, update 0. 1 row not valid.").wait_for()
    with page.expect_download() as download:
        press(page, "Download the problems")
    assert "Must be 1 or more." in download.value.path().read_text(encoding="utf-8-sig")
    toggle(page, "Import the valid rows even if others are not valid")
    press(page, "Check the file")
    press(page, "Import 1 row")
    page.get_by_text("2 rows: created 1 record, updated 0. 1 row not valid.").wait_for()
    expect(page.get_by_role("heading", name="Imported")).to_be_focused()
    press(page, "Show books", "link")
    heading(page, "Books")
    wait_for_rows(page, 20)
