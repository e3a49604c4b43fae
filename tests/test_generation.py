"""Builds: every process serves the definitions in force from its next request on, and lets its old builds go.

Two apps on one database are like two processes here, down to the state that each keeps of its own.
"""

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

from backend import create_app
from backend.models.definition import Generation
from tests.conftest import ON_SQLITE, Person

TITLE = {"title": {"type": "string"}}
PUBLIC = {"list": ["public"], "create": ["public"]}


@pytest.fixture
def here(app):
    """The admin at one app."""
    return Person(app, "admin")


@pytest.fixture
def there(app, settings):
    """A stranger at another app on the same database."""
    return Person(create_app(settings))


def test_a_resource_made_here_answers_there_on_the_next_request(here, there):
    assert there.get("/notes").status_code == 404
    here.declare("notes", TITLE, access=PUBLIC)
    assert there.post("/notes", json={"title": "Milk"}).status_code == 201
    assert [note["title"] for note in here.get("/notes").json["data"]] == ["Milk"]


def test_a_change_made_here_counts_there_on_the_next_request(here, there):
    here.declare("notes", TITLE, access=PUBLIC)
    assert there.get("/notes").status_code == 200
    here.put("/resources/notes", json={"fields": TITLE | {"body": {"type": "text"}}, "access": PUBLIC})
    assert there.post("/notes", json={"title": "Milk", "body": "Two"}).json["data"]["body"] == "Two"
    here.put("/resources/notes", json={"fields": TITLE | {"body": {"type": "text"}}})
    assert there.get("/notes").status_code == 401


def test_a_resource_dropped_here_is_gone_there_on_the_next_request(here, there):
    here.declare("notes", TITLE, access=PUBLIC)
    assert there.get("/notes").status_code == 200
    here.delete("/resources/notes")
    assert there.get("/notes").status_code == 404
    assert "/api/v1/notes" not in there.get("http://localhost/openapi.json").json["paths"]


@ON_SQLITE
def test_only_changes_make_a_new_build(app, here):
    here.declare("notes", TITLE)
    here.get("/notes")
    build = app.wsgi_app.current
    here.make("notes", title="Milk")
    here.put("/resources/notes", json={"fields": TITLE})
    here.post("/resources", json={"name": "notes", "fields": TITLE})
    here.get("/notes")
    assert app.wsgi_app.current is build


def test_the_generation_grows_by_one_with_each_change(here):
    first = Generation.current()
    here.declare("notes", TITLE)
    here.put("/resources/notes", json={"fields": TITLE, "description": "To buy"})
    here.delete("/resources/notes")
    assert Generation.current() == first + 3


def test_requests_at_once_after_a_change_all_see_it(app, here):
    here.declare("notes", TITLE, access=PUBLIC)
    clients = [app.test_client() for _ in range(6)]
    with ThreadPoolExecutor(len(clients)) as threads:
        calls = [threads.submit(client.get, "/api/v1/notes") for client in clients]
    assert [call.result().status_code for call in calls] == [200] * 6


def test_old_builds_are_collected(app, here):
    old = []
    for i in range(4):
        here.declare(f"notes{i}", TITLE, access=PUBLIC)
        here.make(f"notes{i}", title="Milk")
        here.get("http://localhost/openapi.json")
        build = app.wsgi_app.current
        old += [weakref.ref(each) for each in (build, build.catalog, build.catalog["notes0"].model)]
        del build
    gc.collect()
    assert [each() is None for each in old] == [True] * 9 + [False] * 3
