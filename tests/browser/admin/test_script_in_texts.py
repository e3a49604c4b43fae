"""Script in every text that somebody else can choose is shown as text, on every screen."""

import json
from contextlib import closing
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

import cysqlite
import psycopg
import pytest
from playwright.sync_api import expect

from backend.services.backups import archives
from backend.services.backups.archives import Manifest
from tests.browser.admin.conftest import Client, forget_refusals
from tests.conftest import PASSWORD
from tests.parts.server import running_server

MARKUP = "\"'><img src=x onerror=ran(1)><script>ran(2)</script>${ran(3)}"
LINK = "javascript:ran(4)"
VNODE = {"type": "img", "props": {"src": "x", "onerror": "ran(5)"}, "constructor": None, "dangerous": MARKUP}
FILE = "<img src=x onerror=ran(6)>.html"
EMAIL = "o'mallory&{co}@example.com"
# What is there only if a text became part of the page: the page itself has none of it.
FOREIGN = "img[src=x], svg[onload], iframe, object, embed, base, [onerror], [onload], [href^='javascript:' i], [srcdoc]"
SCRIPTS = "script:not([src*='/assets/'])"
RAN = "window.ran = number => { window.hasRun = [...(window.hasRun ?? []), number]; };"

NOTES = {
    "name": "notes",
    "description": f"{MARKUP} notes",
    "fields": {
        "title": {"type": "string", "required": True, "description": f"{MARKUP} hint"},
        "photo": {"type": "file"},
        "kind": {"type": "enum", "choices": [f"{MARKUP} kind", LINK]},
        "link": {"type": "url"},
        "extra": {"type": "json"},
        "tags": {"type": "list", "of": "string"},
        "parent": {"type": "reference", "to": "notes"},
        "keeper": {"type": "reference", "to": "users"},
        "body": {"type": "text"},
        "shout": {"type": "string", "computed": "concat(title, '!')"},
    },
    "label": "title",
    "search": ["title"],
    "history": True,
    "feed": True,
    "access": {action: ["member"] for action in ("list", "read", "create", "update", "delete")},
}
TITLE = f"{MARKUP} title"


@pytest.fixture
def address(database_url, tmp_path):
    """The address of a server whose name has script, and which copies its backups."""
    settings = {"app_name": f"{MARKUP} app", "backup_target": f"file://{tmp_path}/copies"}
    with running_server(tmp_path, database_url=database_url, **settings) as address:
        yield address


@pytest.fixture
def seeded(address, database_url, tmp_path):
    """Texts with script in everything that the API accepts, and in the database where it does not."""
    admin = Client(address, "admin")
    admin.call("PUT", "/users/settings", {"fields": {"motto": {"type": "string"}, "page": {"type": "url"}}})
    admin.call("POST", "/roles", {"name": "curator", "description": f"{MARKUP} role", "permissions": []})
    person = {"email": EMAIL, "name": f"{MARKUP} name", "password": PASSWORD, "roles": ["curator"]}
    mallory = admin.call("POST", "/users", person | {"profile": {"motto": f"{MARKUP} motto"}})
    admin.call("POST", "/users/services", {"name": f"{MARKUP} service", "roles": ["curator"]})
    admin.call("POST", "/api-keys", {"name": f"{MARKUP} key", "roles": ["member"]})
    admin.call("POST", "/invitations", {"email": f"i{EMAIL}"})
    admin.call("POST", "/resources", NOTES | {"description": "The first version"})
    admin.call("PUT", "/resources/notes", NOTES)
    admin.call("POST", "/backups")
    first = admin.call("POST", "/notes", {"title": TITLE, "keeper": mallory["id"]})
    values = {"body": MARKUP, "kind": f"{MARKUP} kind", "extra": VNODE, "tags": [f"{MARKUP} tag", LINK]}
    values["photo"] = upload(admin, FILE)
    note = admin.call("POST", "/notes", values | {"title": f"{MARKUP} old", "parent": first["id"]})
    admin.call("PATCH", f"/notes/{note['id']}", {"title": f"{MARKUP} new", "link": "https://example.com/"})
    sign_in_with(address, EMAIL, user_agent=f"{MARKUP} agent")
    sign_in_with(address, "admin@example.com", user_agent=f"{MARKUP} agent")
    write(database_url, "UPDATE notes SET link = ? WHERE id = ?", LINK, note["id"])
    write(database_url, "UPDATE larder_mails SET error = ?", f"{MARKUP} mail")
    write(database_url, "UPDATE larder_audit SET address = ?", f"{MARKUP} address")
    write(database_url, "DELETE FROM larder_job_runs WHERE name = 'back_up'")
    columns, now = "(name, ended_at, seconds, failure, runs, failures)", "2026-01-01T00:00:00.000000Z"
    write(
        database_url, f"INSERT INTO larder_job_runs {columns} VALUES ('back_up', ?, 1, ?, 1, 1)", now, f"{MARKUP} job"
    )
    add_backup(tmp_path)
    webhook = {"name": f"{MARKUP} hook", "url": "https://example.com/", "resources": ["notes"], "roles": ["member"]}
    hook = admin.call("POST", "/webhooks", webhook)["id"]
    columns = "(id, webhook_id, created_at, ended_at, state, attempts, error, resource, record_id, action, version)"
    values = (note["id"], hook, now, now, "failed", 1, f"{MARKUP} answer", "notes", note["id"], f"{MARKUP} action", 2)
    places = ", ".join("?" * len(values))
    write(database_url, f"INSERT INTO larder_deliveries {columns} VALUES ({places})", *values)
    return {"hook": hook, "mallory": mallory["id"], "note": note["id"], "first": first["id"]}


def upload(person, name):
    """Return the id of an uploaded page of this name."""
    headers = {"Authorization": f"Bearer {person.token}", "Content-Type": "text/html"}
    headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}"
    content = f"<!doctype html><html>{MARKUP}</html>".encode()
    with urlopen(Request(f"{person.base}/files", content, headers)) as response:  # noqa: S310
        return json.load(response)["data"]["id"]


def sign_in_with(address, email, user_agent):
    data = json.dumps({"email": email, "password": PASSWORD}).encode()
    headers = {"Content-Type": "application/json", "User-Agent": user_agent}
    with urlopen(Request(f"http://{address}/api/v1/auth/login", data, headers)) as response:  # noqa: S310
        assert response.status == 200


def write(url, sql, *values):
    """Change the database itself, as an operator can; `?` are the places of the values."""
    if url.startswith("sqlite"):
        with closing(cysqlite.connect(url.removeprefix("sqlite:///"), timeout=60)) as connection:
            connection.execute(sql, values)
    else:
        with psycopg.connect(url) as connection:
            connection.execute(sql.replace("?", "%s"), values)


def add_backup(folder):
    """Put a backup into the folder whose manifest has script in all of its texts."""
    snapshot = folder / "snapshot"
    snapshot.write_bytes(b"no database")
    manifest = Manifest(
        version=f"{MARKUP} version", database="sqlite", migrations=[], counts={MARKUP: 1}, created_at=f"{MARKUP} made"
    )
    path = folder / "backups" / "larder-20260101T000000000000Z.zip"
    archives.write_archive(path, manifest, snapshot, snapshot)


@pytest.fixture
def visit(open_as, address, console):
    """Return a function that shows a path to the admin and waits for texts, of which nothing may run."""
    page = open_as("admin")
    page.add_init_script(RAN)
    page.on("dialog", lambda dialog: console.append(f"dialog: {dialog.message}"))

    def show(path, *texts, refusals=()):
        page.goto(f"http://{address}{path}")
        page.locator("h1").wait_for()
        for text in texts:
            expect(page.locator("#page")).to_contain_text(text)
        expect(page.get_by_text("Loading…")).to_have_count(0)
        if refusals:
            page.locator(".error, .problems, li.wrong").first.wait_for()
            forget_refusals(console, *refusals)
        expect_nothing_ran(page)
        assert console == [], path
        return page

    return show


def expect_nothing_ran(page):
    """Fail if a text has become an element, an attribute or a link with script."""
    expect(page.locator(FOREIGN)).to_have_count(0)
    expect(page.locator(SCRIPTS)).to_have_count(0)
    assert page.evaluate("window.hasRun ?? []") == []


def test_what_others_have_written_is_shown_as_text(seeded, visit):
    note, first, mallory = (f"/admin/records/notes/{seeded['note']}", seeded["first"], seeded["mallory"])
    page = visit("/admin/", f"{MARKUP} app", f"{MARKUP} notes")
    expect(page).to_have_title(f"Records – {MARKUP} app")
    visit(
        "/admin/records/notes", f"{MARKUP} new", f"{MARKUP} tag", f"{MARKUP} name", TITLE, f"{MARKUP} kind", LINK, FILE
    )
    visit(note, f"{MARKUP} new", f"{MARKUP} tag", LINK)
    expect(page.get_by_label("Parent", exact=True)).to_have_value(TITLE)
    expect(page.get_by_label("Link", exact=True)).to_have_value(LINK)
    expect(page.get_by_label("Body", exact=True)).to_have_value(MARKUP)
    visit(f"/admin/records/notes/{first}", TITLE)
    expect(page.get_by_label("Keeper", exact=True)).to_have_value(f"{MARKUP} name")
    visit(f"{note}/history", f"{MARKUP} old", f"{MARKUP} tag", '"onerror": "ran(5)"')
    visit("/admin/resources", f"{MARKUP} notes")
    visit("/admin/resources/notes", f"{MARKUP} kind")
    visit("/admin/resources/notes/versions", "Difference", "<img src=x onerror=ran(1)><script>")
    visit("/admin/users", f"{MARKUP} name", EMAIL, f"{MARKUP} service")
    visit(f"/admin/users/{mallory}", f"{MARKUP} name", EMAIL)
    expect(page.get_by_label("Motto")).to_have_value(f"{MARKUP} motto")
    expect(page.get_by_title(f"{MARKUP} agent")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_contain_text(f"Delete {MARKUP} name?")
    expect_nothing_ran(page)
    visit("/admin/account", f"{MARKUP} key")
    expect(page.get_by_title(f"{MARKUP} agent").first).to_be_visible()
    visit("/admin/invitations", f"i{EMAIL}")
    visit("/admin/roles", f"{MARKUP} role")
    visit("/admin/roles/curator")
    expect(page.get_by_label("Description")).to_have_value(f"{MARKUP} role")
    visit("/admin/webhooks", f"{MARKUP} hook")
    visit(f"/admin/webhooks/{seeded['hook']}", f"{MARKUP} hook")
    expect(page.get_by_label("Name")).to_have_value(f"{MARKUP} hook")
    visit(f"/admin/webhooks/{seeded['hook']}/deliveries", f"{MARKUP} answer", f"{MARKUP} action", f"{MARKUP} hook")
    visit("/admin/audit", f"{MARKUP} address", f"{MARKUP} name", EMAIL)
    for summary in page.locator("summary").all():
        summary.click()
    expect(page.locator("#page pre").filter(has_text="<script>").first).to_be_visible()
    visit("/admin/backups", f"{MARKUP} version", f"{MARKUP} made")
    page.get_by_role("button", name="Verify").last.click()
    page.get_by_text("Damaged:").wait_for()
    visit("/admin/jobs", f"{MARKUP} job")
    visit("/admin/mails", f"{MARKUP} mail", f"i{EMAIL}")
    visit("/admin/health")
    visit("/admin/figures")
    expect_nothing_ran(page)


def test_what_is_in_a_link_is_shown_as_text(seeded, visit, address, open_as, page, console):
    bad, both = quote(MARKUP, safe=""), urlencode({"title": MARKUP, "q": MARKUP, "sort": MARKUP, "cursor": MARKUP})
    visit(f"/admin/records/notes?title={bad}", MARKUP, "No records match.")
    visit(f"/admin/records/notes?{bad}={bad}&{both}&link={quote(LINK)}", MARKUP, refusals=[422])
    visit(f"/admin/records/notes?keeper={bad}&parent={bad}&created_at__gte={bad}", MARKUP, refusals=[422])
    visit(f"/admin/records/notes/import?map={bad}={bad}&delimiter={bad}&lenient={bad}")
    visit(f"/admin/records/{bad}", "There is no page at this address.")
    visit(f"/admin/records/notes/{bad}", refusals=[404])
    visit(f"/admin/records/notes/{bad}/history?page={bad}", refusals=[404])
    for noun in ("users", "roles", "resources"):
        visit(f"/admin/{noun}/{bad}", refusals=[404, 422])
    visit(f"/admin/resources/{bad}/versions", refusals=[404])
    visit(f"/admin/resources/notes?version={bad}", refusals=[404])
    visit(f"/admin/resources/notes/versions?from={bad}&to={bad}")
    visit(f"/admin/users/new?kind={bad}")
    visit(f"/admin/users?name__icontains={bad}&roles__has={bad}&kind={bad}&cursor={bad}", refusals=[422])
    visit(f"/admin/audit?action__startswith={bad}&target_type={bad}&created_at__gte={bad}", refusals=[422])
    visit(f"/admin/mails?email__icontains={bad}&state={bad}", refusals=[422])
    visit(f"/admin/webhooks/{bad}", refusals=[404])
    visit(f"/admin/webhooks/{bad}/deliveries?state={bad}&cursor={bad}", refusals=[404, 422])
    visit(f"/admin/webhooks/{seeded['hook']}/deliveries?state={bad}&cursor={bad}", refusals=[422])
    visit(f"/admin/figures?method={bad}&route={bad}", MARKUP)
    visit(f"/admin/{bad}/{bad}")
    for path in ("sign-in", "register", "forgot"):
        visit(f"/admin/{path}?next={quote(LINK)}")
    visit(f"/account/reset?{bad}#token={bad}")
    visit(f"/account/invitation#token={bad}")
    open_as(None, f"/admin/sign-in?next={quote(LINK)}")
    page.get_by_label("E-mail address").fill("admin@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"http://{address}/admin/")
    expect_nothing_ran(page)


def test_what_the_api_says_about_a_text_is_shown_as_text(seeded, visit, console):
    page = visit("/admin/records/notes/import")
    content = f"title,kind,{MARKUP},parent\n{MARKUP},{MARKUP},{MARKUP},{MARKUP}\n"
    file = {"name": f"{MARKUP}.csv", "mimeType": "text/csv", "buffer": content.encode()}
    page.set_input_files("input[type=file]", file)
    page.get_by_role("button", name="Check the file").click()
    page.get_by_role("table").first.wait_for()
    expect(page.get_by_role("table").first).to_contain_text("<script>")
    expect_nothing_ran(page)
    forget_refusals(console, 422)
    visit("/admin/roles/new")
    page.get_by_label("Name").fill(MARKUP)
    page.get_by_role("button", name="Create").click()
    page.locator(".problems").first.wait_for()
    expect_nothing_ran(page)
    forget_refusals(console, 422)
