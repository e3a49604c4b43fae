"""A resource with records, and the command that backs it up."""

import pytest

FIELDS = {"title": {"type": "string", "required": True}, "price": {"type": "decimal"}}


@pytest.fixture
def notes(admin):
    """A resource with a text that can be searched, open to all members, and three records."""
    access = {action: ["member"] for action in ("list", "read", "create", "update", "delete")}
    admin.declare("notes", FIELDS, search=["title"], access=access)
    for number in range(3):
        admin.make("notes", title=f"Note {number}", price="1.50")


@pytest.fixture
def run(app):
    """A function that runs `flask backup …` and returns the result."""
    return lambda *arguments: app.test_cli_runner().invoke(args=["backup", *map(str, arguments)])
