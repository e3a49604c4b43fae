"""Writes that have begun when a definition changes: they are refused, and may be sent again."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from backend.services.definitions import policies
from tests.helpers import OPEN, assert_failure

TITLE, ABOUT = {"title": {"type": "string"}}, {"about": {"type": "string"}}
NOTES = {"fields": TITLE | ABOUT, "access": OPEN}
CHANGES = {
    "renamed": lambda admin: admin.put("/resources/notes", json=NOTES | {"name": "papers", "renamed_from": "notes"}),
    "deleted": lambda admin: admin.delete("/resources/notes?confirm=true"),
    "without a field": lambda admin: admin.put("/resources/notes?confirm=true", json=NOTES | {"fields": TITLE}),
}
WRITES = {
    "create": lambda person, path: person.post("/notes", json={"title": "x", "about": "y"}),
    "update": lambda person, path: person.patch(path, json={"about": "y"}),
    "delete": lambda person, path: person.delete(path),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("change", CHANGES)
def test_a_write_that_began_before_a_change_of_the_definition_is_refused(admin, alice, monkeypatch, change, write):
    admin.declare("notes", **NOTES, feed=True)
    path = f"/notes/{alice.make('notes', title='x')['id']}"
    authorize, has_acted = policies.authorize, []

    def authorize_later(*arguments):
        if not has_acted:
            has_acted.append(True)
            with ThreadPoolExecutor() as pool:
                assert pool.submit(CHANGES[change], admin).result().status_code == 200
        return authorize(*arguments)

    monkeypatch.setattr(policies, "authorize", authorize_later)
    assert_failure(WRITES[write](alice, path), 503, "UNAVAILABLE")
