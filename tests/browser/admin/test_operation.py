"""The screens of the running server: backups, jobs, mails, health and figures."""

import re
import zipfile

import pytest
from playwright.sync_api import expect

from tests.browser.admin.conftest import check_accessible
from tests.parts.server import running_server


@pytest.fixture
def address(database_url, tmp_path):
    """The address of a server whose mail server does not answer."""
    with running_server(tmp_path, database_url=database_url, smtp_url="smtp://127.0.0.1:1") as address:
        yield address


def go(page, name):
    page.get_by_role("navigation", name="System").get_by_role("link", name=name).click()
    page.get_by_role("heading", name=name, level=1, exact=True).wait_for()


def test_an_admin_looks_after_the_server(open_as, address):
    page = open_as("admin")
    go(page, "Backups")
    page.get_by_text("There are no backups yet.").wait_for()
    page.get_by_text("LARDER_BACKUP_SCHEDULE").wait_for()
    check_accessible(page)
    back_up(page)
    go(page, "Jobs")
    page.get_by_role("row", name="Clean up").get_by_text("40 2 * * *").wait_for()
    page.get_by_role("button", name="Run Clean up now").click()
    page.get_by_text("Clean up is started.").wait_for()
    check_accessible(page)
    go(page, "Health")
    page.get_by_role("row", name="Migrations OK The database is migrated.").wait_for()
    states = page.locator("tbody tr td:first-of-type").all_inner_texts()
    assert states == sorted(states, key=["Failed", "Warning", "OK"].index)  # what needs care comes first
    assert set(states) == {"Failed", "Warning", "OK"}
    page.get_by_role("button", name="Check again").click()
    page.get_by_text("warning").first.wait_for()
    check_accessible(page)
    go(page, "Figures")
    read_figures(page)
    page.request.post(f"http://{address}/api/v1/auth/password/forgot", data={"email": "alice@example.com"})
    go(page, "Mails")
    read_mails(page)


def back_up(page):
    page.get_by_role("button", name="Create backup").click()
    page.get_by_text("The backup is complete").wait_for()
    row = page.get_by_role("row").filter(has_text="larder-")
    expect(row.get_by_role("cell").nth(2)).to_have_text("0")  # files
    row.get_by_role("button", name="Verify").click()
    row.get_by_text("Intact").wait_for()
    with page.expect_download() as download:
        row.get_by_role("button", name="Download").click()
    assert zipfile.is_zipfile(download.value.path())
    expect(row).to_contain_text(download.value.suggested_filename)
    check_accessible(page)


def read_figures(page):
    """Look at the charts, at their numbers, and at the requests of one route."""
    charts = page.get_by_role("figure")
    requests = "Requests (per minute). All: 0 to "
    expect(charts.nth(0).get_by_role("img", name=re.compile(re.escape(requests)))).to_be_visible()
    charts.nth(0).get_by_text("Numbers").click()
    expect(charts.nth(0).get_by_role("table").get_by_role("row").nth(1)).to_be_visible()
    check_accessible(page)
    page.get_by_role("link", name="POST /api/v1/backups", exact=True).click()
    page.get_by_text("Requests of POST /api/v1/backups in the last hour.").wait_for()
    page.get_by_text("1 request, 0 refused (4xx), 0 failed (5xx).").wait_for()
    expect(page.get_by_role("row", name="POST /api/v1/backups 1 0 0")).to_have_count(1)
    page.get_by_role("link", name="Show all requests").click()
    page.get_by_text("All requests of the last hour.").wait_for()


def read_mails(page):
    """Find a mail that waits, and send it again."""
    page.get_by_role("row", name="alice@example.com Reset Waiting").wait_for()
    check_accessible(page)
    page.get_by_role("button", name="Send the mail to alice@example.com now").click()
    page.get_by_text("The mail to alice@example.com is sent now.").wait_for()
    page.get_by_label("State").select_option("Sent")
    page.get_by_role("button", name="Search").click()
    page.get_by_text("No mail matches.").wait_for()
    check_accessible(page)
