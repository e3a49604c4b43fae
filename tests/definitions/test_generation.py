"""Every process serves the definitions in force from its next request on, and rebuilds only what has changed.

Two apps on one database are like two processes here, down to the state that each keeps of its own.
"""

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

from backend import create_app
from backend.models.database import database
from backend.models.definition import Generation
from backend.routes.toolkit import openapi, resource_routes
from backend.services.definitions import sources
from backend.services.errors import Unavailable
from tests.conftest import ON_SQLITE, Person

TITLE = {"title": {"type": "string"}}
ACCESS = {"list": ["public"], "create": ["public"]}


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
    here.declare("notes", TITLE, access=ACCESS)
    assert there.post("/notes", json={"title": "Milk"}).status_code == 201
    assert [note["title"] for note in here.get("/notes").json["data"]] == ["Milk"]


def test_a_change_made_here_counts_there_on_the_next_request(here, there):
    here.declare("notes", TITLE, access=ACCESS)
    assert there.get("/notes").status_code == 200
    here.put("/resources/notes", json={"fields": TITLE | {"body": {"type": "text"}}, "access": ACCESS})
    assert there.post("/notes", json={"title": "Milk", "body": "Two"}).json["data"]["body"] == "Two"
    here.put("/resources/notes", json={"fields": TITLE | {"body": {"type": "text"}}})
    assert there.get("/notes").status_code == 401


def test_a_resource_dropped_here_is_missing_there_on_the_next_request(here, there):
    here.declare("notes", TITLE, access=ACCESS)
    assert there.get("/notes").status_code == 200
    here.delete("/resources/notes")
    assert there.get("/notes").status_code == 404
    assert "/api/v1/notes" not in there.get("http://localhost/openapi.json").json["paths"]


@ON_SQLITE
def test_a_change_without_effect_rebuilds_nothing(app, here):
    here.declare("notes", TITLE)
    here.get("/notes")
    newest = app.catalogs.newest
    here.make("notes", title="Milk")
    here.put("/resources/notes", json={"fields": TITLE})
    here.post("/resources", json={"name": "notes", "fields": TITLE})
    here.get("/notes")
    assert app.catalogs.newest is newest


@pytest.fixture
def made(monkeypatch):
    """Lists the models, routes and pieces of the document that are built, each by the name of its resource."""
    made = []

    def noting(kind, make, name_of):
        def note(*arguments):
            made.append((kind, name_of(*arguments)))
            return make(*arguments)

        return note

    noted_model = noting("model", sources.build_model, lambda definition, _: definition.name)
    monkeypatch.setattr(sources, "build_model", noted_model)
    noted_routes = noting("routes", resource_routes.ResourceRoutes.__init__, lambda _, blueprint: blueprint.name)
    monkeypatch.setattr(resource_routes.ResourceRoutes, "__init__", noted_routes)
    noted_piece = noting("piece", openapi.Writer.write, lambda _, blueprints, __: blueprints[-1].name)
    monkeypatch.setattr(openapi.Writer, "write", noted_piece)
    return made


def ask_for_all(person):
    """Ask for what there is of every resource; return the document."""
    for name in ("countries", "cities", "notes"):
        assert person.get(f"/{name}").status_code == 200
        assert person.post("/batch", json={"operations": [{"op": "create", "resource": name, "data": {}}]}).status_code
    return person.get("http://localhost/openapi.json").json


@ON_SQLITE
def test_only_what_changed_is_rebuilt(here, made):
    here.declare("countries", TITLE)
    here.declare("cities", TITLE | {"country": {"type": "reference", "to": "countries"}})
    here.declare("notes", TITLE)
    ask_for_all(here)
    made.clear()
    ask_for_all(here)
    assert made == []
    here.put("/resources/notes", json={"fields": TITLE | {"body": {"type": "text"}}})
    assert "body" in ask_for_all(here)["components"]["schemas"]["Note"]["properties"]
    assert sorted(made) == [(kind, "notes") for kind in ("model", "piece", "routes")]


@ON_SQLITE
def test_resources_affected_by_a_change_are_rebuilt_too(here, made):
    here.declare("countries", TITLE)
    here.declare("cities", TITLE | {"country": {"type": "reference", "to": "countries"}})
    here.declare("notes", TITLE)
    france = here.make("countries", title="France")
    ask_for_all(here)
    made.clear()
    # A field more of `cities` leaves `countries` as they are, though one refers to the other.
    country = {"country": {"type": "reference", "to": "countries"}}
    here.put("/resources/cities", json={"fields": TITLE | country | {"size": {"type": "integer"}}})
    ask_for_all(here)
    assert {name for _, name in made} == {"cities"}
    here.make("cities", title="Paris", country=france["id"], size=2)
    found = here.get(f"/countries/{france['id']}?expand=cities").json["data"]
    assert [city["size"] for city in found["expand"]["cities"]["data"]] == [2]
    # One more that refers to them is one more to expand.
    made.clear()
    here.put("/resources/notes", json={"fields": TITLE | country})
    document = ask_for_all(here)
    assert {name for _, name in made} == {"notes", "countries"}
    expand = document["components"]["schemas"]["Country"]["properties"]["expand"]
    assert sorted(expand["properties"]) == ["cities", "cities__country", "notes", "notes__country"]


@ON_SQLITE
def test_a_write_under_way_succeeds_if_its_resource_did_not_change(app, here, there):
    here.declare("notes", TITLE)
    here.declare("lists", TITLE)
    for changed, is_refused in (("lists", False), ("notes", True)):
        resource = app.catalogs.newest["notes"]
        # Somebody else changes a definition after this request has been read and before it writes.
        there_admin = Person(there.client.application, "admin")
        there_admin.put(f"/resources/{changed}", json={"fields": TITLE | {"body": {"type": "text"}}})
        with database.atomic():
            if is_refused:
                with pytest.raises(Unavailable):
                    resource.hold_definition()
            else:
                resource.hold_definition()


def test_the_generation_grows_by_one_with_each_change(here):
    first = Generation.current()
    here.declare("notes", TITLE)
    here.put("/resources/notes", json={"fields": TITLE, "description": "To buy"})
    here.delete("/resources/notes")
    assert Generation.current() == first + 3


def test_requests_at_once_after_a_change_all_see_it(app, here):
    here.declare("notes", TITLE, access=ACCESS)
    clients = [app.test_client() for _ in range(6)]
    with ThreadPoolExecutor(len(clients)) as threads:
        calls = [threads.submit(client.get, "/api/v1/notes") for client in clients]
    assert [call.result().status_code for call in calls] == [200] * 6


def test_catalogs_no_longer_in_force_are_collected(app, here):
    old = []
    for i in range(4):
        here.put("/resources/notes", json={"fields": TITLE}) if i else here.declare("notes", TITLE)
        here.put("/resources/notes", json={"fields": TITLE | {f"f{i}": {"type": "integer"}}})
        here.make("notes", title="Milk")
        here.get("http://localhost/openapi.json")
        resource = app.catalog["notes"]
        old += [weakref.ref(each) for each in (app.catalog, resource, resource.model, resource.routes)]
        confirmed = here.post("/resources/notes/plan", json={"fields": TITLE}).json["data"]["fingerprint"]
        here.put(f"/resources/notes?confirm={confirmed}", json={"fields": TITLE})
        del resource
    here.get("/notes")
    gc.collect()
    assert [each() is None for each in old] == [True] * 16
