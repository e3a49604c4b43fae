"""Resources defined on the admin page: a sports club by form, as YAML and from a file, always through a plan."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.admin.conftest import Client, check_accessible

SCRIPT = "<img src=x onerror=alert(1)><script>alert(2)</script>"


@pytest.fixture
def client(address):
    """The API as an admin uses it."""
    return Client(address, "admin")


def add_field(page, name, kind):
    page.get_by_label("New field", exact=True).fill(name)
    page.get_by_role("button", name="Add field").click()
    page.get_by_label(f"Type of {name}", exact=True).select_option(kind)


def review(page):
    page.get_by_role("button", name="Review").click()
    dialog = page.get_by_role("dialog")
    dialog.wait_for()
    return dialog


def apply(page, button="Apply"):
    review(page).get_by_role("button", name=button, exact=True).click()
    page.get_by_role("dialog").wait_for(state="hidden")


def test_a_club_is_defined_by_form_and_changed(open_as, address, client, console):
    page = open_as("admin")
    create_by_keyboard(page)
    assert client.fields("teams") == {"name": {"type": "string", "required": True}, "colour": {"type": "string"}}
    page.get_by_role("navigation", name="Records").get_by_role("link", name="Teams").wait_for()
    create_members(open_as("admin", "/admin/resources/new"))
    create_matches(open_as("admin", "/admin/resources/new"))
    assert client.fields("matches") == {
        "day": {"type": "date", "required": True},
        "home": {"type": "reference", "to": "teams"},
        "guest": {"type": "reference", "to": "teams"},
        "status": {"type": "enum", "choices": ["planned", "played"], "default": "planned"},
    }
    team = client.call("POST", "/teams", {"name": "Reds", "colour": "red"})
    client.call("POST", "/members", {"name": "Ann", "team": team["id"], "notes": "tall"})
    for status in ("planned", "played"):
        client.call("POST", "/matches", {"day": "2026-05-01", "home": team["id"], "status": status})
    rename_and_drop(open_as("admin", "/admin/resources/members"), client)
    give_rule(open_as("admin", "/admin/resources/matches"))
    assert [match["status"] for match in Client(address, "alice").call("GET", "/matches")] == ["played"]
    change_as_yaml(page, client)
    meet_conflict(page, client, console)
    compare_versions(page)


def create_by_keyboard(page):
    """Create `teams` without a mouse, from the first page on."""
    page.get_by_role("heading", name="What to do next").wait_for()
    expect(page.get_by_text("not done yet")).to_have_count(2)  # there are people already
    check_accessible(page)
    page.get_by_role("link", name="Create a resource").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Name", exact=True).focus()
    page.keyboard.type("teams")
    page.get_by_label("New field", exact=True).focus()
    page.keyboard.type("colour")
    page.keyboard.press("Enter")
    page.get_by_label("Name of field 2").wait_for()
    check_accessible(page)
    page.get_by_label("Move colour up").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Move colour down")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Move colour up")).to_be_focused()
    page.get_by_role("button", name="Review").focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog", name="Create teams?").wait_for()
    check_accessible(page)
    page.get_by_role("button", name="Create", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="teams", level=1).wait_for()


def create_members(page):
    page.get_by_label("Name", exact=True).fill("members")
    page.get_by_label("Description", exact=True).first.fill(SCRIPT)
    add_field(page, "team", "reference")
    page.get_by_label("To (required)").select_option("teams")
    add_field(page, "notes", "text")
    page.get_by_label("notes index", exact=True).check()
    page.get_by_role("button", name="Review").click()
    page.get_by_text("fields.notes").wait_for()  # refused: nothing is lost
    check_accessible(page)
    page.get_by_label("notes index", exact=True).uncheck()
    apply(page, "Create")
    page.get_by_role("heading", name="members", level=1).wait_for()
    expect(page.get_by_label("Description", exact=True).first).to_have_value(SCRIPT)


def create_matches(page):
    page.get_by_label("Name", exact=True).fill("matches")
    page.get_by_label("Name of field 1").fill("day")
    page.get_by_label("Name of field 1").press("Tab")
    page.get_by_label("Type of day").select_option("date")
    for name in ("home", "guest"):
        add_field(page, name, "reference")
        page.get_by_label("To (required)").last.select_option("teams")
        page.get_by_role("button", name=f"Options of {name}").click()
    add_field(page, "status", "enum")
    page.get_by_label("Choices (required)").fill("planned\nplayed\n")
    page.get_by_label("Default of status").select_option("planned")
    apply(page, "Create")
    page.get_by_role("heading", name="matches", level=1).wait_for()


def rename_and_drop(page, client):
    page.get_by_label("Name of field 1").fill("full_name")
    page.get_by_label("Name of field 1").press("Tab")
    page.get_by_text("was name").wait_for()
    apply(page)
    page.get_by_text("The definition is changed.").wait_for()
    assert client.call("GET", "/members?fields=full_name") == [{"full_name": "Ann"}]
    add_field(page, "mentor", "reference")
    page.get_by_label("To (required)").select_option("members")
    page.get_by_label("To (required)").select_option("teams")
    page.get_by_label("mentor required").check()
    dialog = review(page)
    expect(dialog.get_by_text("Not possible because of 1 record.")).to_be_visible()
    expect(dialog.get_by_role("button", name="Apply")).to_have_count(0)
    dialog.get_by_role("button", name="Close").click()
    dialog.wait_for(state="hidden")
    page.get_by_label("Remove mentor").click()
    page.get_by_label("Remove notes").click()
    dialog = review(page)
    expect(dialog.get_by_text("Loses data in 1 record.")).to_be_visible()
    check_accessible(page)
    expect(dialog.get_by_role("button", name="Apply and lose data")).to_be_disabled()
    dialog.get_by_label("Type members to confirm").fill("members")
    dialog.get_by_role("button", name="Apply and lose data").click()
    dialog.wait_for(state="hidden")
    assert list(client.fields("members")) == ["full_name", "team"]


def give_rule(page):
    page.get_by_label("All: rule of member for list").click()
    page.get_by_label("Rule", exact=True).fill("status: [")
    page.get_by_role("button", name="Set rule").click()
    page.get_by_text("It is not taken over yet.").wait_for()
    check_accessible(page)
    page.get_by_label("Rule", exact=True).fill("status: played")
    page.get_by_role("button", name="Set rule").click()
    apply(page)


def change_as_yaml(page, client):
    page.get_by_label("Checks").fill("- no")
    page.get_by_role("button", name="Review").click()
    page.get_by_text("Something is not complete yet").wait_for()
    page.get_by_label("Checks").fill("")
    editor = page.get_by_role("textbox", name="YAML")
    expect(editor).not_to_have_value(re.compile("checks:"))
    text = editor.input_value()
    editor.fill(text.replace("  day:", "  venue: {type: string, max_length: 30\n  day:"))
    page.get_by_text("Line 4:").wait_for()
    expect(page.locator(".form [inert]").get_by_label("Name of field 1")).to_have_value("day")
    expect(page.get_by_role("button", name="Review")).to_be_disabled()
    check_accessible(page)
    editor.fill(text.replace("  day:", "  venue: {type: string, max_length: 30}\n  day:"))
    expect(page.get_by_label("Name of field 1")).to_have_value("venue")
    page.get_by_role("button", name="Options of venue").click()
    page.get_by_label("Max length").fill("40")
    expect(editor).to_have_value(re.compile("venue: {type: string, max_length: 40}"))
    apply(page)
    assert client.fields("matches")["venue"] == {"type": "string", "max_length": 40}


def meet_conflict(page, client, console):
    page.get_by_label("Description", exact=True).first.fill("Mine")
    theirs = client.call("GET", "/resources/matches")
    theirs["fields"]["score"] = {"type": "string"}
    client.call("PUT", "/resources/matches", theirs)
    review(page).get_by_role("button", name="Apply and lose data").or_(page.get_by_role("button", name="Apply")).click()
    page.get_by_role("heading", name="Changed meanwhile").wait_for()
    assert [text for text in console if "422" not in text and "412" not in text] == []
    console.clear()
    expect(page.get_by_label("Their change").get_by_text("score: {type: string}")).to_be_visible()
    check_accessible(page)
    page.get_by_role("button", name="Keep mine").click()
    expect(page.get_by_label("Description", exact=True).first).to_have_value("Mine")
    yaml = page.get_by_role("textbox", name="YAML")
    expect(yaml).to_have_value(re.compile("^name: matches\ndescription: Mine\nfields:"))
    add_field(page, "score", "string")
    apply(page)
    stored = client.call("GET", "/resources/matches")
    assert (stored["description"], "score" in stored["fields"]) == ("Mine", True)


def compare_versions(page):
    page.get_by_role("link", name="Versions").click()
    page.get_by_role("heading", name="Versions of matches").wait_for()
    page.get_by_label("Changes of version 2").click()
    page.get_by_label("From version 1 to 2").get_by_text("role: member, where: {status: played}").wait_for()
    expect(page.get_by_role("cell", name="Admin")).to_have_count(5)
    check_accessible(page)
    page.get_by_label("Use version 1 as a draft").click()
    page.get_by_text("This is version 1 as a draft.").wait_for()
    expect(page.get_by_role("textbox", name="YAML")).to_have_value(re.compile("^name: matches\n"))
    expect(page.get_by_role("textbox", name="YAML")).not_to_have_value(re.compile("venue"))


def test_a_resource_is_proposed_for_a_file_and_dropped(open_as, client, console):
    page = open_as("admin", "/admin/resources")
    page.get_by_text("A resource is a kind of record").wait_for()
    check_accessible(page)
    page.get_by_role("link", name="New resource").first.click()
    rows = f"Name,Born,Note\nAnn,1990-01-02,{SCRIPT}\nBo,1991-02-03,\n"
    file = {"name": "Club members.csv", "mimeType": "text/csv", "buffer": rows.encode()}
    page.get_by_label("From a CSV file").set_input_files(file)
    page.get_by_text("This fits the 2 rows of the file.").wait_for()
    expect(page.get_by_label("Type of born")).to_have_value("date")
    page.get_by_label("Name of field 2").fill("Day of birth")
    page.get_by_label("Name of field 2").press("Tab")
    page.get_by_label("Type of day_of_birth").wait_for()
    page.get_by_role("link", name="Resources").click()
    page.get_by_role("dialog", name="Leave without saving?").get_by_role("button", name="Cancel").click()
    apply(page, "Create")
    page.wait_for_url("**/admin/records/club_members/import?**")
    page.get_by_label("File", exact=True).set_input_files(file)
    expect(page.get_by_label("Column born")).to_have_value("day_of_birth")
    page.get_by_role("button", name="Check the file").click()
    page.get_by_text("2 rows: would create 2 records, update 0.").wait_for()
    client.call("POST", "/club_members", {"name": "Cy", "day_of_birth": "1990-01-02", "note": SCRIPT})
    page.get_by_role("link", name="Resources").click()
    page.get_by_label("Count the records of club_members").click()
    page.get_by_text("1 record", exact=True).wait_for()
    check_accessible(page)
    page.set_viewport_size({"width": 360, "height": 740})
    page.get_by_role("rowheader", name="club_members").get_by_role("link").click()
    page.get_by_role("button", name="YAML", exact=True).click()
    expect(page.get_by_role("textbox", name="YAML")).to_be_visible()
    expect(page.get_by_label("Name of field 1")).to_be_hidden()
    expect(page.locator("html")).to_have_js_property("scrollWidth", 360)
    check_accessible(page)
    page.get_by_role("button", name="Form", exact=True).click()
    page.get_by_label("Name", exact=True).fill("people")
    apply(page)
    page.get_by_role("heading", name="people", level=1).wait_for()
    assert [record["name"] for record in client.call("GET", "/people")] == ["Cy"]
    page.get_by_role("button", name="Drop…").click()
    page.get_by_role("dialog").get_by_text("1 record").wait_for()
    page.get_by_label("to confirm").fill("people")
    page.get_by_role("button", name="Drop", exact=True).click()
    page.get_by_text("A resource is a kind of record").wait_for()
    assert client.call("GET", "/resources") == []
