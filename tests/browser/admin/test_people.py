"""Users, invitations, roles and the audit trail: as an admin, and as people who may only see some of it."""

import re
import time

from playwright.sync_api import expect

from tests.browser.admin.conftest import check_accessible, forget_refusals, heading, notice, wait_for_rows
from tests.conftest import PASSWORD
from tests.parts.server import Caller

MARKUP = "<script>alert(1)</script>"
NOTES = {"fields": {"title": {"type": "string", "readable_by": ["auditor"]}}, "on_owner_delete": "restrict"}


def confirm(page, action, typed=None):
    """Do what a dialog asks."""
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name=action, exact=True).wait_for()
    check_accessible(page)
    if typed:
        dialog.get_by_role("textbox").fill(typed)
    dialog.get_by_role("button", name=action, exact=True).click()


def follow(page, name):
    page.get_by_role("navigation", name="System").get_by_role("link", name=name).click()
    heading(page, name)


def test_an_admin_manages_roles_and_people(address, open_as, console):
    page = open_as("admin", "/admin/roles")
    make_role(page)
    grant_to_role(address)
    make_user(page)
    change_user(page)
    invite(page)
    delete_what_is_in_use(page, address)
    read_audit(page)
    forget_refusals(console, 409, 422)


def test_before_a_deletion_the_page_counts_the_records_that_refer_to_the_account(address, open_as):
    with Caller(address).sign_in("admin@example.com", PASSWORD) as admin:
        for name, end in (("duties", "cascade"), ("invoices", "restrict"), ("tasks", "set_null")):
            fields = {"person": {"type": "reference", "to": "users", "on_delete": end}}
            assert admin.call("POST", "/resources", {"name": name, "fields": fields})[0] == 201
        alice = admin.call("GET", "/users?email=alice@example.com")[1]["data"][0]["id"]
        for name in ("duties", "duties", "invoices", "tasks"):
            assert admin.call("POST", f"/{name}", {"person": alice})[0] == 201
    page = open_as("admin", f"/admin/users/{alice}")
    page.get_by_role("button", name="Delete").click()
    page.get_by_text(
        "It has created no records that you may see. Others refer to it: Duties: 2 records (deleted, too); "
        "Invoices: 1 record (forbid the deletion)."
    ).wait_for()


def make_role(page):
    page.get_by_role("link", name="New role").click()
    heading(page, "New role")
    page.get_by_label("Name").fill("Not a name")
    page.get_by_role("button", name="Create").click()
    page.get_by_text("Some values are not valid.").wait_for()
    check_accessible(page)
    page.get_by_label("Name").fill("auditor")
    page.get_by_label("Description").fill(MARKUP)
    page.get_by_role("checkbox", name="audit:read – read the audit trail").check()
    page.get_by_role("button", name="Create").click()
    heading(page, "auditor")
    notice(page, "Created.")
    page.get_by_role("checkbox", name=re.compile("^users:read")).check()
    page.get_by_role("button", name="Save").click()
    notice(page, "Saved.")
    follow(page, "Roles")
    row = page.get_by_role("row").filter(has_text="auditor")
    expect(row.locator("td")).to_have_text([MARKUP, "audit:read, users:read"])
    check_accessible(page)


def grant_to_role(address):
    with Caller(address).sign_in("admin@example.com", PASSWORD) as admin:
        rule = {"role": "auditor", "where": {"title": "x"}}
        access = {"list": ["auditor"], "read": [rule], "create": ["member"], "update": ["owner"]}
        assert admin.call("POST", "/resources", {"name": "notes", "access": access, **NOTES})[0] == 201
        team = {"fields": {"team": {"type": "string", "max_length": 5}}}
        assert admin.call("PUT", "/users/settings", team)[0] == 200


def make_user(page):
    follow(page, "Users")
    page.reload()  # definitions have changed
    page.get_by_text("4 users").wait_for()
    page.get_by_role("link", name="New user").click()
    heading(page, "New user")
    page.get_by_label("Name").fill(MARKUP)
    page.get_by_label("E-mail address").fill("alice@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("checkbox", name="auditor").check()
    expect(page.get_by_role("checkbox", name="member")).to_be_disabled()
    page.get_by_role("textbox", name="Team").fill("owls and more")
    page.get_by_role("button", name="Create").click()
    page.locator(".problems").filter(has_text="At most 5 characters.").wait_for()
    page.get_by_role("textbox", name="Team").fill("owls")
    page.get_by_role("button", name="Create").click()
    page.get_by_text("There is a record or user with this value already.").or_(
        page.get_by_text("Another user has this address already.")
    ).first.wait_for()
    check_accessible(page)
    page.get_by_label("E-mail address").fill("nora@example.com")
    page.get_by_role("button", name="Create").click()
    heading(page, MARKUP)
    notice(page, "Created.")


def change_user(page):
    page.get_by_label("Name", exact=True).fill("Nora")
    page.get_by_role("checkbox", name="Can sign in").uncheck()
    held = []
    page.route("**/api/v1/users/*", lambda route: held.append(route), times=1)
    with page.expect_request(lambda request: request.method == "PATCH"):
        page.get_by_role("button", name="Save").click()
    page.get_by_role("textbox", name="Team").fill("cats")  # while the form is sent
    held[0].continue_()
    notice(page, "Saved.")
    heading(page, "Nora")
    expect(page.get_by_role("textbox", name="Team")).to_have_value("cats")
    page.get_by_role("button", name="Save").click()
    notice(page, "Saved.")
    check_accessible(page)
    follow(page, "Users")
    page.get_by_label("E-mail contains").fill("NORA")
    page.get_by_label("Role").select_option("auditor")
    page.get_by_label("Can sign in").select_option("false")
    page.get_by_role("button", name="Search").click()
    page.get_by_text("1 user", exact=True).wait_for()
    cells = page.locator("tbody tr").locator("th, td:not(:last-child)")
    expect(cells).to_have_text(["Nora", "nora@example.com", "auditor, member", "Person", "No"])
    page.reload()
    page.get_by_text("1 user", exact=True).wait_for()
    expect(page.get_by_label("E-mail contains")).to_have_value("NORA")
    check_accessible(page)
    page.get_by_label("Kind").select_option("service")
    page.get_by_role("button", name="Search").click()
    page.get_by_text("No user matches.").wait_for()
    page.go_back()
    page.get_by_text("1 user", exact=True).wait_for()
    page.get_by_role("button", name="Clear").click()
    page.get_by_text("5 users").wait_for()


def invite(page):
    page.get_by_role("link", name="Invite", exact=True).click()
    heading(page, "Invitations")
    page.get_by_text("Nobody is invited at the moment.").wait_for()
    page.get_by_label("E-mail address").fill("olga@example.com")
    page.get_by_role("checkbox", name="editor").check()
    page.get_by_role("button", name="Invite").click()
    notice(page, "olga@example.com is invited. The mail is in the log of the server")
    row = page.get_by_role("row").filter(has_text="olga@example.com")
    expect(row.locator("td").first).to_have_text("editor, member")
    check_accessible(page)
    with page.expect_response(lambda answer: (answer.request.method, answer.status) == ("GET", 200)):
        row.get_by_role("button", name="Send again").click()
    notice(page, "Another mail to olga@example.com is in the log of the server")
    expect(page.locator("main [aria-busy=true]")).to_have_count(0)  # it is a new invitation
    expect(row).to_have_count(1)
    row.get_by_role("button", name="Withdraw").click()
    confirm(page, "Withdraw")
    notice(page, "The invitation is withdrawn.")
    page.get_by_text("Nobody is invited at the moment.").wait_for()


def delete_what_is_in_use(page, address):
    with Caller(address).sign_in("alice@example.com", PASSWORD) as alice:
        assert alice.call("POST", "/notes", {})[0] == 201
    follow(page, "Roles")
    page.get_by_role("link", name="auditor").click()
    heading(page, "auditor")
    grants = page.get_by_role("group", name="Access to records").get_by_role("row").nth(1)
    expect(grants.locator("td")).to_have_text(["list, read (by a rule)", "title", ""])
    page.get_by_role("button", name="Delete").click()
    confirm(page, "Delete")
    notice(page, "The role has grants in notes.")
    follow(page, "Users")
    page.get_by_role("link", name="Alice").click()
    heading(page, "Alice")
    see_sessions_and_records(page)
    page.get_by_role("button", name="Delete").click()
    page.get_by_text("it has created: Notes: 1 record (forbid the deletion).").wait_for()
    confirm(page, "Delete", typed="alice@example.com")
    notice(page, "The user still owns records of notes")
    follow(page, "Users")
    page.get_by_role("link", name="Admin").click()
    heading(page, "Admin")
    page.get_by_role("checkbox", name="admin – May do everything").uncheck()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("This is the last active admin; make another user an admin first.").wait_for()
    page.get_by_role("checkbox", name="admin – May do everything").check()
    follow(page, "Users")
    page.get_by_role("link", name="Nora").click()
    heading(page, "Nora")
    page.get_by_role("button", name="Delete").click()
    confirm(page, "Delete", typed="nora@example.com")
    notice(page, "Nora is deleted.")
    page.get_by_text("4 users").wait_for()


def see_sessions_and_records(page):
    """End a session of a user, count the user's records, and follow the links to the audit trail and back."""
    rows = page.get_by_role("row").filter(has_text="Unknown program")
    before = rows.count() if rows.first.wait_for() is None else 0
    rows.first.get_by_role("button", name="End the session of Unknown program").click()
    confirm(page, "End session")
    notice(page, "The session has ended.")
    expect(rows).to_have_count(before - 1)
    page.get_by_role("button", name="Count Notes").click()
    page.get_by_text("1 record", exact=True).wait_for()
    check_accessible(page)
    page.get_by_role("link", name="What this account did").click()
    heading(page, "Audit")
    page.get_by_role("row").filter(has_text="session.start").first.wait_for()
    expect(page.get_by_role("row").filter(has_text="role.create")).to_have_count(0)
    page.go_back()
    heading(page, "Alice")


def read_audit(page):
    follow(page, "Audit")
    page.get_by_role("row").filter(has_text="user.delete").wait_for()
    check_accessible(page)
    page.get_by_label("Action begins with").fill("role.")
    page.get_by_label("Actor: e-mail").fill("admin@example.com")
    page.get_by_label("Target: kind").select_option("role")
    page.get_by_label("From").fill("2020-01-01T00:00")
    page.get_by_role("button", name="Search").click()
    wait_for_rows(page, 2)
    rows = page.locator("tbody tr")
    expect(rows.locator("td:nth-child(3)")).to_have_text(["role.update", "role.create"])
    rows.nth(1).locator("summary").click()
    expect(rows.nth(1).locator("pre")).to_be_visible()
    expect(rows.nth(1).locator("pre")).to_contain_text(MARKUP)
    check_accessible(page)
    page.get_by_label("Before").fill("2020-01-02T00:00")
    page.get_by_role("button", name="Search").click()
    page.get_by_text("No entry matches.").wait_for()


def wait_for_the_next_hour_if_it_is_near():
    """The audit trail counts repeated calls by the hour."""
    if (left := 3600 - time.time() % 3600) < 60:
        time.sleep(left)


def test_an_admin_makes_a_service_with_a_key_and_pages_through_the_audit_trail(address, open_as):
    page = open_as("admin", "/admin/users")
    page.get_by_role("link", name="New service").click()
    heading(page, "New service")
    check_accessible(page)
    page.get_by_label("Name").fill("Nightly import")
    page.get_by_role("checkbox", name="editor").check()
    page.get_by_role("button", name="Create").click()
    heading(page, "Nightly import")
    page.get_by_role("button", name="Create API key").wait_for()
    expect(page.get_by_label("E-mail address")).to_have_count(0)
    page.get_by_role("button", name="Create API key").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Server 1")
    dialog.get_by_role("button", name="Create key").click()
    expect(page.get_by_label("Secret")).not_to_have_value("")
    with Caller(address, page.get_by_label("Secret").input_value()) as program:
        me = program.call("GET", "/auth/me")[1]["data"]
        assert (me["name"], me["roles"], program.call("PATCH", "/auth/me", {"name": "x"})[0]) == (
            "Nightly import",
            ["editor"],
            403,
        )
        wait_for_the_next_hour_if_it_is_near()
        for _ in range(52):
            program.call("GET", f"/users/{me['id']}")
    page.get_by_role("button", name="Done").click()
    page.get_by_role("row").filter(has_text="Server 1").wait_for()
    check_accessible(page)
    callers = [Caller(address).sign_in("bob@example.com", PASSWORD) for _ in range(51)]
    for caller in callers:
        caller.connection.close()
    follow(page, "Audit")
    page.get_by_role("button", name="Next page").click()
    page.get_by_role("row").filter(has_text="52 times").wait_for()
    page.get_by_role("row").filter(has_text="api_key.create").wait_for()
    page.reload()
    page.get_by_role("row").filter(has_text="api_key.create").wait_for()
    page.get_by_role("button", name="Previous page").click()
    wait_for_rows(page, 50)


def test_people_see_no_more_than_they_may(address, open_as):
    with Caller(address).sign_in("admin@example.com", PASSWORD) as admin:
        for name, permissions in (("reader", ["users:read"]), ("helper", ["users:read", "users:write"])):
            admin.call("POST", "/roles", {"name": name, "permissions": permissions})
            user = {"email": f"{name}@example.com", "password": PASSWORD, "name": name.title(), "roles": [name]}
            assert admin.call("POST", "/users", user)[0] == 201
    page = open_as("edith")
    page.get_by_role("navigation", name="Account").wait_for()
    expect(page.get_by_role("navigation", name="System")).to_have_count(0)
    page = open_as("reader", "/admin/users")
    menu = page.get_by_role("navigation", name="System").get_by_role("link")
    expect(menu).to_have_text(["Users", "Invitations", "Roles", "Mails"])
    page.get_by_text("6 users").wait_for()
    wait_for_rows(page, 6)
    people = page.get_by_role("main").get_by_role("link").all_inner_texts()
    assert sorted(people) == ["Admin", "Alice", "Bob", "Edith", "Helper", "Reader"]
    page.get_by_role("link", name="Alice").click()
    heading(page, "Alice")
    page.get_by_text("alice@example.com").wait_for()
    expect_only_reads(page)
    check_accessible(page)
    follow(page, "Invitations")
    page.get_by_text("Nobody is invited at the moment.").wait_for()
    expect_only_reads(page)
    follow(page, "Roles")
    page.get_by_role("link", name="helper").click()
    page.get_by_text("Permissions: users:read, users:write.").wait_for()
    expect_only_reads(page)
    page = open_as("helper", "/admin/users")
    page.get_by_role("link", name="Alice").click()
    heading(page, "Alice")
    expect(page.get_by_role("checkbox", name="editor – You do not have this role yourself.")).to_be_disabled()
    expect(page.get_by_role("button", name="Delete")).to_be_visible()
    follow(page, "Users")
    page.get_by_role("link", name="Edith").click()
    heading(page, "Edith")
    page.get_by_label("Name").fill("Edith the second")
    page.get_by_role("button", name="Save").click()
    notice(page, "Saved.")
    expect(page.get_by_label("E-mail address").or_(page.get_by_role("button", name="Delete"))).to_have_count(0)
    check_accessible(page)


def expect_only_reads(page):
    """Fail if the content has something to fill in or to press."""
    expect(page.get_by_role("main").locator("button, input, select")).to_have_count(0)
