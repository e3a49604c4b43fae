"""A page used by the keyboard alone."""

MOST_PRESSES = 80


def go_to(page, target):
    """Press Tab until the element has the focus, as often as a person would at most."""
    target.wait_for()
    for _ in range(MOST_PRESSES):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"Tab does not lead to {target}")


def type_into(page, label, text, within="main"):
    """Replace the text of an input."""
    go_to(page, page.locator(within).get_by_label(label, exact=True))
    page.keyboard.press("Control+A")
    page.keyboard.type(text)


def press(page, name, role="button", key="Enter"):
    """Press a button, or follow a link."""
    go_to(page, page.get_by_role(role, name=name, exact=True))
    page.keyboard.press(key)
