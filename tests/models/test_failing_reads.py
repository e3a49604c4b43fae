"""A process that does not know the newest definitions yet: whichever statement fails, no answer is a wrong one."""

from functools import partial
from itertools import cycle

import pytest

from backend import create_app
from backend.models.database import database
from tests.conftest import Person
from tests.helpers import OPEN, READABLE, assert_failure
from tests.parts import both_ways
from tests.parts.failing_statements import TEMPORARY, assert_nothing_is_left, failing, wired
from tests.parts.files import uploaded

TASKS = {"fields": {"title": {"type": "string"}, "photo": {"type": "file"}}, "access": OPEN, "feed": True}
LABELS = {"fields": {"name": {"type": "string"}}, "access": READABLE, "cache_seconds": 60}
VARYING = ("timestamp", "changes_cursor", "next_cursor")
ROOT = "http://localhost"
UNKNOWN = {"operations": [{"op": "create", "resource": "nothing", "data": {}}]}
WRONG = {"email": "alice@example.com", "password": "not her password"}
CALLS = [
    *(("alice", "GET", f"/tasks{below}") for below in ("", "/{task}", "/{task}/photo", "/nothing", "?title=Milk")),
    *(("alice", "GET", path) for path in ("/changes?resource=tasks&data=true", "/schema", f"{ROOT}/openapi.json")),
    *(("stranger", "GET", path) for path in ("{link}", "/labels", "/labels/{label}", "/tasks", f"{ROOT}/openapi.json")),
    *(("alice", "DELETE", "/tasks"), ("alice", "POST", "/tasks", {"title": 3}), ("alice", "POST", "/batch", UNKNOWN)),
    ("stranger", "POST", "/auth/login", WRONG),
]


@pytest.fixture(autouse=True)
def one_way(monkeypatch):
    """Read each record once: a second read would meet the next failure."""
    monkeypatch.setattr(both_ways, "IS_ON", False)


@pytest.fixture
def late(settings):
    """An app that starts before the resources of these tests are created by another one, which is `late.other`."""
    late = create_app(settings)
    late.other = create_app(settings)
    late.former = late.catalogs.newest
    with wired(database.obj):
        yield late
    database.close_all()


@pytest.fixture
def calls(late):
    """Map of a name to a function that sends a request to the late app."""
    admin, alice = Person(late.other, "admin"), Person(late.other, "alice")
    admin.declare("labels", **LABELS)
    admin.declare("tasks", **TASKS)
    label = admin.make("labels", name="red")["id"]
    task = alice.make("tasks", title="Milk", photo=uploaded(alice)["id"])["id"]
    link = alice.post(f"/tasks/{task}/photo/link", json={"seconds": 600}).json["data"]["url"]
    places = {"task": task, "label": label, "link": f"{ROOT}{link}"}
    people = {"alice": Person(late, "alice"), "stranger": Person(late)}
    assert people["alice"].token
    return {
        f"{who} {method} {path}": partial(
            people[who].send, method, path.format(**places), json=body[0] if body else None
        )
        for who, method, path, *body in CALLS
    }


def test_what_another_process_has_created_is_unavailable_or_there(late, calls):
    for name, call in calls.items():
        expected = _ask(late, call)
        assert expected[0] < 500, name
        for n, fault in enumerate(cycle(TEMPORARY[database.name]), 1):
            with failing(n, fault) as failed:
                answer = _ask(late, call)
            if not failed:
                assert answer == expected, name
                break
            what_happened = f"{name}, statement {n}, {fault.__name__} at {failed}: {answer}"
            assert answer == expected or answer[0] == 503, what_happened
            assert_nothing_is_left(what_happened)


def _ask(late, call):
    """Return the status and the content of the answer of an app that knows only the former definitions."""
    late.catalogs.newest = late.former
    with call() as answer:
        if answer.status_code == 503:
            assert_failure(answer, 503, "UNAVAILABLE")
            assert answer.headers["Retry-After"]
        if answer.mimetype != "application/json":
            return answer.status_code, answer.data
        return answer.status_code, _without_varying(answer.json)


def _without_varying(value):
    if isinstance(value, dict):
        return {name: _without_varying(each) for name, each in value.items() if name not in VARYING}
    return [*map(_without_varying, value)] if isinstance(value, list) else value
