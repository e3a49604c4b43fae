"""The list of records: its order, filters and pages in 34,006 cities, and what people do with records they select."""

import csv
import re

import pytest
from playwright.sync_api import expect

from tests.browser.admin.conftest import (
    Client,
    check_accessible,
    expect_labels,
    record_responses,
    wait_for_rows,
    wait_until_read,
)
from tests.parts import geo
from tests.parts.server import running_server

COUNTABLE = 10_000
SCRIPT = "<script>document.title='broken'</script><img src=x onerror=\"document.title='broken'\">"
RESOURCES = {
    "shelves": {
        "fields": {"name": {"type": "string", "required": True, "unique": True}},
        "access": {"list": ["member"], "read": ["member"], "delete": ["editor"]},
        "require_if_match": True,
    },
    "books": {
        "description": SCRIPT,
        "filters": ["shelf.name"],
        "fields": {
            "title": {"type": "string", "required": True, "unique": True},
            "shelf": {"type": "reference", "to": "shelves", "on_delete": "restrict"},
            "pages": {"type": "integer", "min": 1},
            "lent": {"type": "datetime"},
            "words": {"type": "list", "of": "string"},
            "price": {"type": "integer", "readable_by": ["editor"], "writable_by": ["editor"]},
        },
        "access": {"list": ["member"], "read": ["member"], "create": ["editor"], "update": ["editor"]},
    },
    "secrets": {"fields": {"title": {"type": "string"}}, "access": {"list": ["editor"], "read": ["editor"]}},
}
ROWS = f"""title,shelf_name,pages,price
Emma,Novels,300,5
Dracula,Novels,0,5
"{SCRIPT.replace('"', '""')}",Nowhere,10,5
"""


@pytest.fixture
def geo_address(geo_url, tmp_path):
    """The address of a server with the example of examples/geo, only to be read."""
    with running_server(tmp_path, database_url=geo_url, max_count=COUNTABLE) as address:
        yield address


def expect_last_page(page):
    """Fail if there is a next page."""
    expect(page.get_by_role("button", name="Next", exact=True)).to_have_attribute("aria-disabled", "true")


def press(page, name):
    """Press a button."""
    page.get_by_role("button", name=name, exact=True).click()


def wait_for_range(page, text):
    """Wait until the list says which records it shows, such as `21 to 40`."""
    page.get_by_role("navigation", name="Pages").get_by_text(text, exact=True).wait_for()


def add_filter(page, field, condition, value):
    """Add a filter by its dialog."""
    press(page, "Add filter")
    page.get_by_label("Field").select_option(label=field)
    page.get_by_label("Condition").select_option(label=condition)
    page.get_by_label("Value").fill(value)
    page.keyboard.press("Enter")
    page.get_by_role("dialog").wait_for(state="detached")


def expect_refusals(console, status):
    """Fail if the console has anything but responses with this status, which browsers log, and clear it."""
    assert console
    assert [text for text in console if f"status of {status} " not in text] == []
    console.clear()


def names_of(cities):
    """Return the names of lines of the file."""
    return [city["name"] for city in cities]


def test_people_reach_the_last_of_all_cities(geo_address, page):
    names = names_of(geo.rows("cities"))
    page.goto(f"http://{geo_address}/admin/records/cities?per_page=200")
    for start in range(0, len(names), 200):
        shown = names[start : start + 200]
        wait_for_range(page, f"{start + 1:,} to {start + len(shown):,}")
        expect_labels(page, shown)
        if start + 200 < len(names):
            press(page, "Next")
    expect_last_page(page)


def test_people_find_their_way_through_all_cities(geo_address, page):
    cities = geo.rows("cities")
    largest = sorted(cities, key=lambda city: int(city["population"] or 0), reverse=True)
    polish = [city for city in cities if city["country_code"] == "PL"]
    requests, modules = [], []
    page.on("request", lambda request: "/cities?" in request.url and requests.append(request.url))
    page.on("request", lambda request: request.url.endswith(".js") and modules.append(request.url))

    page.goto(f"http://{geo_address}/admin/records/cities")
    expect_labels(page, names_of(cities[:20]))
    page.wait_for_load_state("networkidle")
    assert len(requests) == 1
    known = page.locator("link[rel=modulepreload]").evaluate_all("links => links.map(each => each.href)")
    assert sorted(modules) == sorted(known)  # all are known before the first one is read
    expect(page.get_by_role("cell", name="Iran").first).to_be_visible()  # by the name of the country, not by its id
    check_accessible(page)
    expect(page.get_by_role("checkbox")).to_have_count(0)
    expect(page.get_by_role("link", name="New record")).to_have_count(0)

    # Counting goes to a limit, and on when it is asked to.
    press(page, "Count")
    press(page, "Count exactly")
    page.get_by_text(f"of {len(cities):,} records").wait_for()

    # The order, and the place in it, are in the URL: they outlast going back and forward, and a reload.
    press(page, "Population")
    page.locator("th[aria-sort=ascending]").wait_for()
    press(page, "Population")
    expect_labels(page, names_of(largest[:20]))
    press(page, "Next")
    wait_for_range(page, "21 to 40")
    expect_labels(page, names_of(largest[20:40]))
    press(page, "Next")
    wait_for_range(page, "41 to 60")
    expect_labels(page, names_of(largest[40:60]))
    page.go_back()
    wait_for_range(page, "21 to 40")
    page.reload()
    wait_for_range(page, "21 to 40")
    expect_labels(page, names_of(largest[20:40]))
    page.go_forward()
    wait_for_range(page, "41 to 60")
    expect_labels(page, names_of(largest[40:60]))
    press(page, "Previous")
    wait_for_range(page, "21 to 40")
    expect_labels(page, names_of(largest[20:40]))
    press(page, "Previous")
    wait_for_range(page, "1 to 20")
    expect_labels(page, names_of(largest[:20]))
    press(page, "Next")
    wait_for_range(page, "21 to 40")
    expect_labels(page, names_of(largest[20:40]))

    # A link to the middle of a list leads there; how many pages are before it is not known.
    link = page.url
    page.goto("about:blank")
    page.goto(link)
    expect_labels(page, names_of(largest[20:40]))
    press(page, "First page")
    wait_for_range(page, "1 to 20")
    expect_labels(page, names_of(largest[:20]))

    # From the first to the last of the cities of one country.
    page.goto(f"http://{geo_address}/admin/records/cities?per_page=200")
    press(page, "Add filter")
    page.get_by_label("Field").select_option(label="Country")
    check_accessible(page)
    page.get_by_label("Value").fill("pola")
    page.get_by_role("option", name="Poland").wait_for()
    page.keyboard.press("Enter")
    press(page, "Apply")
    page.get_by_role("button", name="Country is Poland", exact=True).wait_for()
    expect_labels(page, names_of(polish[:200]))
    for start in range(200, len(polish), 200):
        page.get_by_role("button", name="Next", exact=True).press("Enter")
        wait_for_range(page, f"{start + 1} to {min(start + 200, len(polish))}")
        expect_labels(page, names_of(polish[start : start + 200]))
    page.get_by_text(f"of {len(polish)} records").wait_for()
    expect_last_page(page)

    # Filters can be added, changed and removed.
    add_filter(page, "Population", "is at least", "500000")
    page.get_by_role("button", name="Population is at least 500000", exact=True).click()
    page.get_by_label("Value").fill("1000000")
    press(page, "Apply")
    page.get_by_role("button", name="Population is at least 1000000", exact=True).wait_for()
    expect_labels(page, ["Warsaw"])
    press(page, "Remove the filter: Country is")
    page.get_by_role("button", name="Country is Poland", exact=True).wait_for(state="detached")
    millions = [city for city in cities if int(city["population"] or 0) >= 1_000_000]
    expect_labels(page, names_of(millions[:200]))

    # The best matches of a search have numbered pages.
    page.goto(f"http://{geo_address}/admin/records/cities")
    page.get_by_role("searchbox").fill("san")
    page.keyboard.press("Enter")
    page.get_by_text(re.compile(r"^of \d{3} records$")).wait_for()
    wait_until_read(page)
    first = page.locator("tbody th").all_inner_texts()
    assert len(first) == 20
    press(page, "Next")
    wait_for_range(page, "21 to 40")
    expect(page).to_have_url(re.compile("page=2"))
    expect(page.locator("tbody th")).not_to_have_text(first)
    press(page, "Previous")
    wait_for_range(page, "1 to 20")
    expect_labels(page, first)
    page.get_by_role("searchbox").fill("no such place")
    page.keyboard.press("Enter")
    page.get_by_text("No records match.").wait_for()
    check_accessible(page)
    press(page, "Show all records")
    expect_labels(page, names_of(cities[:20]))


def test_a_link_has_the_filters_of_the_api(geo_address, page, console):
    page.goto(f"http://{geo_address}/admin/records/cities?name__in=Warsaw,Paris&sort=-name")
    found = sorted(city["name"] for city in geo.rows("cities") if city["name"] in ("Warsaw", "Paris"))
    expect_labels(page, found[::-1])
    press(page, "Name")
    page.get_by_role("button", name="Name is one of Warsaw, Paris", exact=True).wait_for()
    page.locator("th[aria-sort=descending]").wait_for(state="detached")
    page.reload()
    wait_for_rows(page, len(found))
    assert sorted(page.locator("tbody th").all_inner_texts()) == found

    page.goto(f"http://{geo_address}/admin/records/cities?population__gte=many&populaton=5")
    chips = page.get_by_role("list", name="Filters")
    chips.get_by_text("Write a whole number such as 12.").wait_for()
    chips.get_by_text("Unknown parameter. Did you mean population?").wait_for()
    check_accessible(page)
    press(page, "Clear filters")
    wait_for_rows(page, 20)
    expect_refusals(console, 422)


@pytest.fixture
def api(address):
    """The API as an admin uses it, with the resources of this file."""
    client = Client(address, "admin")
    for name, definition in RESOURCES.items():
        client.call("POST", "/resources", {"name": name, **definition})
    return client


def make(api, resource, **values):
    """Create a record and return its id."""
    return api.call("POST", f"/{resource}", values)["id"]


def rows(download):
    """Return the lines of a CSV file that the browser has downloaded."""
    with open(download.path(), encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def download(page, button):
    """Press a button and return the file that it downloads."""
    with page.expect_download() as download:
        press(page, button)
    return download.value


def test_an_editor_imports_exports_and_deletes(api, open_as, console, tmp_path):
    shelf = make(api, "shelves", name="Novels")
    page = open_as("edith", "/admin/records/books")
    page.get_by_text("There are no records yet.").wait_for()
    check_accessible(page)
    expect(page.get_by_role("link", name="Create the first one")).to_be_visible()

    # What a file calls its columns and values can be chosen.
    page.get_by_role("link", name="import a file").click()
    path = tmp_path / "books.csv"
    path.write_text("Titel,shelf,lent,Notiz\nPersuasion,Novels,-,x\n")
    page.get_by_label("File", exact=True).set_input_files(path)
    press(page, "Check the file")
    page.get_by_label("Column Titel").select_option("title")
    expect_refusals(console, 422)
    page.get_by_label("Column Notiz").select_option(label="Leave it out")
    press(page, "Check the file")
    page.get_by_label("Column shelf").select_option("shelf_name")
    page.get_by_label("Words for no value").fill("-")
    check_accessible(page)
    press(page, "Check the file")
    page.get_by_text("1 row: would create 1 record, update 0.").wait_for()
    page.get_by_role("link", name="Back to the list").click()

    # A file is checked first; its problems are named by line and field.
    page.get_by_role("link", name="import a file").click()
    path.write_text(ROWS)
    page.get_by_label("File", exact=True).set_input_files(path)
    press(page, "Check the file")
    page.get_by_text("3 rows: would create 1 record, update 0. 2 rows not valid.").wait_for()
    expect(page.locator("tbody tr").nth(0)).to_contain_text(re.compile(r"^\s*3\s*pages\s*Must be 1 or more\."))
    check_accessible(page)
    expect(page.get_by_role("button", name=re.compile("^Import "))).to_have_count(0)
    assert [line[:2] for line in rows(download(page, "Download the problems"))] == [
        *(["line", "field"], ["3", "pages"], ["4", "shelf"]),
    ]
    assert api.call("GET", "/books") == []

    # Its valid rows are imported. Then the mended file updates them.
    page.get_by_label("Import the valid rows").check()
    press(page, "Check the file")
    press(page, "Import 1 row")
    page.get_by_text("3 rows: created 1 record, updated 0. 2 rows not valid.").wait_for()
    path.write_text(ROWS.replace("Nowhere", "Novels").replace(",0,", ",400,"))
    press(page, "Check the file")
    page.get_by_text("The file has changed since you chose it").wait_for()
    page.once("filechooser", lambda chooser: chooser.set_files(path))
    expect(page.get_by_label("File", exact=True)).to_be_enabled()  # by then the browser knows
    page.get_by_label("File", exact=True).click()
    expect(page.get_by_label("File", exact=True)).not_to_have_value("")
    page.get_by_label("What rows do").select_option("title")
    press(page, "Check the file")
    press(page, "Import 3 rows")
    page.get_by_text("3 rows: created 2 records, updated 1.").wait_for()
    page.get_by_role("link", name="Show books").click()
    expect_labels(page, ["Emma", "Dracula", SCRIPT])
    expect(page).not_to_have_title(re.compile("broken"))

    # What is exported is what the list shows.
    press(page, "Columns")
    page.get_by_role("dialog").get_by_label("Price").uncheck()
    press(page, "Close")
    page.get_by_role("columnheader", name="Price").wait_for(state="detached")
    press(page, "Export")
    page.get_by_role("dialog").wait_for()
    check_accessible(page)
    page.get_by_label("Columns").select_option(label="The columns that are shown")
    exported = download(page, "Download")
    assert exported.suggested_filename == "books.csv"
    assert rows(exported)[:2] == [["title", "shelf", "pages", "lent", "words"], ["Emma", shelf, "300", "", ""]]
    page.reload()
    expect_labels(page, ["Emma", "Dracula", SCRIPT])
    expect(page.get_by_role("columnheader", name="Price")).to_have_count(0)  # the browser keeps the choice

    # A record that cannot be deleted stays selected, and the page says why.
    make(api, "shelves", name="Empty")
    page.get_by_role("link", name="Shelves").click()
    page.get_by_role("heading", name="Shelves", level=1).wait_for()
    expect_labels(page, ["Novels", "Empty"])
    page.get_by_label("Select this page").check()
    press(page, "Delete 2 records")
    page.get_by_role("dialog").wait_for()
    check_accessible(page)
    press(page, "Delete")
    page.get_by_text("The record is still referenced by books.").wait_for()
    page.get_by_text("1 record selected").wait_for()
    check_accessible(page)
    page.get_by_role("rowheader", name="Empty").wait_for(state="detached")
    expect_labels(page, ["Novels"])
    assert [each["name"] for each in api.call("GET", "/shelves")] == ["Novels"]
    expect_refusals(console, 409)


def test_members_see_no_trace_of_what_is_hidden_from_them(api, open_as, page):
    shelf = make(api, "shelves", name=SCRIPT)
    make(api, "books", title="Emma", shelf=shelf, price=4711, words=["a,b"], lent="2026-01-31T12:00:00Z")
    make(api, "secrets", title="Hidden")
    take_responses = record_responses(page)
    open_as("alice", "/admin/records/books")
    expect_labels(page, ["Emma"])
    expect(page.locator("tbody")).to_contain_text(SCRIPT)
    expect(page.get_by_text(SCRIPT)).to_have_count(2)  # the description, and the label of the shelf
    for button in ("New record", "Import", "Delete"):
        expect(page.get_by_text(button, exact=True)).to_have_count(0)
    press(page, "Columns")
    expect(page.get_by_role("dialog").get_by_label("Shelf")).to_be_visible()
    expect(page.get_by_role("dialog").get_by_label("Price")).to_have_count(0)
    press(page, "Close")
    press(page, "Add filter")
    expect(page.get_by_label("Field")).to_contain_text("Shelf")
    expect(page.get_by_label("Field")).not_to_contain_text("Price")
    press(page, "Cancel")
    add_filter(page, "Shelf › name", "starts with", "<script>")
    page.get_by_role("button", name="Shelf › name starts with <script>", exact=True).wait_for()
    expect_labels(page, ["Emma"])
    press(page, "Remove the filter: Shelf › name starts with")
    expect(page.get_by_role("button", name="Add filter")).to_be_focused()
    page.locator("tbody td", has_text="a,b").click()
    page.get_by_role("heading", name="Emma", level=1).wait_for()
    expect(page).to_have_url(re.compile("/admin/records/books/[0-9a-f-]{36}$"))
    menu = page.get_by_role("navigation", name="Records")
    expect(menu.get_by_role("link")).to_have_text(["Books", "Shelves"])
    bodies = [response.text() for response in take_responses()]
    page.goto(re.sub("books.*", "secrets", page.url))
    page.get_by_role("heading", name="Page not found").wait_for()
    bodies += [response.text() for response in take_responses()]
    assert any("Emma" in body for body in bodies)
    assert not [body for body in bodies if re.search("price|4711|secrets|Hidden", body)]
