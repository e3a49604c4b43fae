"""What surrounds every screen: the sign-in and the menu."""

from tests.browser.admin.conftest import check_accessible
from tests.conftest import PASSWORD


def test_somebody_signs_in_and_out(open_as):
    page = open_as(None, "/admin/sign-in")
    check_accessible(page)
    page.get_by_label("E-mail address").fill("alice@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Records", level=1).wait_for()
    check_accessible(page)
    assert not page.get_by_role("navigation", name="System").count()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in").wait_for()


def test_admins_have_a_menu_of_the_system(open_as):
    page = open_as("admin")
    system = page.get_by_role("navigation", name="System")
    assert system.get_by_role("link", name="Users").is_visible()
    check_accessible(page)
