"""A page used by the keyboard alone: Tab leads to everything, and no action loses the focus."""

from playwright.sync_api import expect

from tests.browser.admin.conftest import heading, wait_until_read

MOST_PRESSES = 120


def expect_focus(page):
    """Fail if nothing has the focus: Tab would begin at the top again, and a screen reader would say nothing."""
    expect(page.locator(":focus")).to_have_count(1)


def go_to(page, target):
    """Press Tab until the element has the focus, as often as a person would at most."""
    expect_focus(page)
    target.wait_for()
    for _ in range(MOST_PRESSES):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not lead to {target}")


def type_into(page, label, text, within="main"):
    """Replace the text of an input."""
    go_to(page, page.locator(within).get_by_label(label, exact=True))
    page.keyboard.press("Control+A")
    page.keyboard.type(text)


def press(page, name, role="button", key="Enter", within="body"):
    """Press a button, follow a link, or open what a summary hides."""
    go_to(page, page.locator(within).get_by_role(role, name=name, exact=True))
    page.keyboard.press(key)


def toggle(page, label, within="main"):
    """Check or uncheck a checkbox."""
    box = page.locator(within).get_by_label(label, exact=True)
    go_to(page, box)
    is_checked = box.is_checked()
    page.keyboard.press("Space")
    expect(box).to_be_checked(checked=not is_checked)


def choose(page, label, option, within="main"):
    """Choose an option of a select with the arrow keys."""
    select = page.locator(within).get_by_role("combobox", name=label, exact=True)
    go_to(page, select)
    page.keyboard.press("Home")
    for _ in range(MOST_PRESSES):
        if select.evaluate("element => element.selectedOptions[0].textContent.trim()") == option:
            return
        page.keyboard.press("ArrowDown")
    raise AssertionError(f"{label} does not have {option}")


def choose_file(page, label, path):
    """Choose a file in the dialog that an input of files opens."""
    control = page.get_by_label(label, exact=True)
    page.once("filechooser", lambda chooser: chooser.set_files(path))  # the browser must know before the key is pressed
    go_to(page, control)
    page.keyboard.press("Enter")
    expect(control).not_to_have_value("")


def follow(page, name):
    """Go to a screen by the menu, and wait until it shows what it reads."""
    press(page, name, "link", within="nav")
    heading(page, name)
    wait_until_read(page)
