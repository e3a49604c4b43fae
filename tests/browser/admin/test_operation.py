"""The screens of the running server: backups, jobs, health and figures."""

import zipfile

from tests.browser.admin.conftest import check_accessible


def go(page, name):
    page.get_by_role("navigation", name="System").get_by_role("link", name=name).click()
    page.get_by_role("heading", name=name, level=1, exact=True).wait_for()


def test_an_admin_looks_after_the_server(open_as):
    page = open_as("admin")
    go(page, "Backups")
    page.get_by_text("There are no backups yet.").wait_for()
    page.get_by_text("LARDER_BACKUP_SCHEDULE").wait_for()
    check_accessible(page)
    back_up(page)
    go(page, "Jobs")
    page.get_by_role("row", name="Clean up").get_by_text("40 2 * * *").wait_for()
    check_accessible(page)
    go(page, "Health")
    page.get_by_role("row", name="Migrations OK The database is migrated.").wait_for()
    assert page.get_by_role("row").nth(1).get_by_text("Warning").count()  # what needs care comes first
    page.get_by_role("button", name="Check again").click()
    page.get_by_text("warning").first.wait_for()
    check_accessible(page)


def back_up(page):
    page.get_by_role("button", name="Create backup").click()
    page.get_by_text("The backup is complete").wait_for()
    row = page.get_by_role("row").filter(has_text="larder-")
    row.get_by_role("button", name="Verify").click()
    row.get_by_text("Intact").wait_for()
    with page.expect_download() as download:
        row.get_by_role("button", name="Download").click()
    assert zipfile.is_zipfile(download.value.path())
    assert download.value.suggested_filename in row.inner_text()
    check_accessible(page)
