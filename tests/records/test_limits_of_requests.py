"""The largest requests: each limit is accepted, and one more is refused with the limit."""

import json

from backend.services.records import exports
from tests.conftest import ON_SQLITE

NUMBERS = {f"n{i}": {"type": "integer"} for i in range(12)} | {"title": {"type": "string"}}
BOOKS = NUMBERS | {f"r{i}": {"type": "reference", "to": "shelves"} for i in range(9)}


def names(count, letter="n"):
    """Return so many names of fields, separated by commas."""
    return ",".join(f"{letter}{i}" for i in range(count))


def conditions(count):
    """Return a `where` of so many conditions."""
    return json.dumps({"any": [{"n0": i} for i in range(count)]})


def groups(depth):
    """Return a `where` whose groups are nested so deep."""
    where = {"n0": 1}
    for _ in range(depth):
        where = {"not": where}
    return json.dumps(where)


# (the parameter, the limit, the path with so many of something)
LIMITS = [
    ("per_page", 200, lambda count: ("", {"per_page": count})),
    ("_schema", 32, lambda count: ("", {f"n{i % 12}__{('gt', 'lt', 'ne')[i // 12]}": 1 for i in range(count)})),
    ("n0__in", 200, lambda count: ("", {"n0__in": ",".join(map(str, range(count)))})),
    ("title__contains", 1000, lambda count: ("", {"title__contains": "x" * count})),
    ("q", 1000, lambda count: ("", {"q": "x" * count})),
    ("sort", 8, lambda count: ("", {"sort": names(count)})),
    ("expand", 8, lambda count: ("", {"expand": names(count, "r")})),
    ("where", 32, lambda count: ("", {"where": conditions(count)})),
    ("where", 4, lambda depth: ("", {"where": groups(depth)})),
    ("where", 200, lambda count: ("", {"where": json.dumps({"n0": {"in": [*range(count)]}})})),
    ("sum", 10, lambda count: ("/aggregate", {"sum": names(count)})),
    ("group_by", 10, lambda count: ("/aggregate", {"group_by": names(count)})),
]


@ON_SQLITE
def test_the_limits_of_a_query(admin):
    admin.declare("shelves", {"title": {"type": "string"}})
    admin.declare("books", BOOKS, search=["title"])
    for parameter, most, make in LIMITS:
        fits, refused = (admin.get(f"/books{path}", query_string=query) for path, query in map(make, (most, most + 1)))
        assert fits.status_code == 200, (parameter, fits.json)
        assert refused.status_code == 422, parameter
        [problem] = refused.json["error"]["details"]["query"][parameter]
        assert problem["limit"] == most, problem


@ON_SQLITE
def test_the_time_of_an_export_is_limited(admin, monkeypatch):
    admin.declare("shelves", {"title": {"type": "string"}})
    admin.make("shelves", title="a")
    monkeypatch.setattr(exports, "FILE_SECONDS", -1)
    assert admin.get("/shelves/export").status_code == 503
