"""SQLite plans a statement once, unless statistics or an index with a rule make its plan depend on values."""

import cysqlite
import pytest

from backend.models.database import database
from backend.services.operation import cleanup
from tests.conftest import ON_SQLITE

FIELDS = {"title": {"type": "string"}, "pages": {"type": "integer"}}
ACCESS = {"list": ["member"], "read": ["member"], "create": ["member"]}


@pytest.fixture
def plannings(admin, alice):
    """A function that returns how often SQLite plans a SELECT for a list that was read before."""
    admin.declare("notes", FIELDS, access=ACCESS)
    for pages in range(3):
        alice.make("notes", title="Tea", pages=pages)

    def read():
        answer = alice.get("/notes?pages__gte=1&sort=title")
        assert [len(answer.json["data"]), answer.json["meta"]["total"]] == [2, 2]

    def count():
        read()  # a connection that knows what there is now
        planned = []
        with database.connection_context():
            connection = database.connection()
            connection.authorizer(lambda action, *_: planned.append(action) or 0)
        read()  # a new authorizer makes SQLite plan each statement once more
        planned.clear()
        read()
        connection.authorizer(None)
        return planned.count(cysqlite.SQLITE_SELECT)

    return count


@ON_SQLITE
def test_statements_are_planned_once_until_there_are_statistics(plannings):
    assert plannings() == 0
    cleanup.vacuum()
    assert plannings() > 0


@ON_SQLITE
def test_statements_are_planned_for_their_values_while_an_index_has_a_rule(admin, plannings):
    declared = {"fields": FIELDS, "access": ACCESS}
    ruled = declared | {"indexes": [{"fields": ["title"], "where": {"pages": 1}}]}
    assert admin.put("/resources/notes", json=ruled).status_code == 200
    assert plannings() > 0
    assert admin.put("/resources/notes", json=declared).status_code == 200
    assert plannings() == 0
