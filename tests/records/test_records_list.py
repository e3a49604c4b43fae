"""`GET /<name>`: filters, order, pages and cursors."""

import json
from itertools import pairwise

import pytest

from backend.services.storage.counts import count_limit
from backend.services.storage.statements import StatementCache
from tests.conftest import ON_SQLITE
from tests.helpers import details_of

FIELDS = {
    "name": {"type": "string", "required": True},
    "country": {"type": "string"},
    "population": {"type": "integer"},
    "area": {"type": "number", "index": True},
    "founded": {"type": "date"},
    "coastal": {"type": "boolean"},
}
ACCESS = {"list": ["owner", "editor"], "read": ["owner"], "create": ["member"], "delete": ["owner"]}
CITIES = [
    ("Aba", "NG", 500, 1.5, "1900-01-01", False),
    ("Bor", "SS", None, None, None, None),
    ("Cali", "CO", 900, 2.5, "1536-07-25", False),
    ("Deva", "RO", 500, None, "1269-01-01", False),
    ("Evry", "FR", None, 3.5, None, False),
    ("Faro", "PT", 700, 2.5, None, True),
    ("Gap", "FR", 700, -0.25, "0014-01-01", None),
]
QUERIES = {
    "": "Aba Bor Cali Deva Evry Faro Gap",
    "country=FR": "Evry Gap",
    "country=FR&population=700": "Gap",
    "population__gte=500&population__lt=900&area__gt=0": "Aba Faro",
    "population__gt=500&population__lte=900": "Cali Faro Gap",
    "population__ne=700": "Aba Bor Cali Deva Evry",
    "population__isnull=true": "Bor Evry",
    "population__isnull=false&area__isnull=true": "Deva",
    "country__in=FR,PT,XX&coastal=true": "Faro",
    "country__in=": "",
    "name__contains=a&country__ne=CO": "Aba Deva Faro Gap",
    "name__icontains=A&population__lt=600": "Aba Deva",
    "name__startswith=E": "Evry",
    "founded__lt=1500-01-01&coastal__isnull=false": "Deva",
    "population=500&population__gt=500": "",
}
ORDERS = {
    "name": "Aba Bor Cali Deva Evry Faro Gap",
    "-name": "Gap Faro Evry Deva Cali Bor Aba",
    "population": "Aba Deva Faro Gap Cali Bor Evry",
    "-population": "Cali Gap Faro Deva Aba Evry Bor",
    "population,-name": "Deva Aba Gap Faro Cali Evry Bor",
    "-population,area": "Cali Gap Faro Aba Deva Evry Bor",
    "area,-population": "Gap Aba Cali Faro Evry Deva Bor",
    "-area,founded": "Evry Cali Faro Aba Gap Deva Bor",
    "founded": "Gap Deva Cali Aba Bor Evry Faro",
    "coastal,-id": "Evry Deva Cali Aba Faro Gap Bor",
    "-coastal,-founded,population": "Faro Aba Cali Deva Evry Gap Bor",
    "-id,name": "Gap Faro Evry Deva Cali Bor Aba",
    "created_by,-created_at": "Gap Faro Evry Deva Cali Bor Aba",
}
BAD_PARAMETERS = {
    "page": ["0", "-1", "1.5", "x", "", "1000001", "9" * 30, "1_0", "%D9%A1"],
    "per_page": ["0", "-1", "201", "all", ""],
    "count": ["maybe", "2", ""],
    "sort": ["", "nope", "+name", "--name", "name,", "name,name", "name,-name", "name asc", "Name"],
    "fields": ["", "nope", "-name", "name,name", "*", "name,"],
    "population": ["x", "", "1.5", "9223372036854775808"],
    "population__in": ["1,x", "1,,2", ",".join(["1"] * 201)],
    "population__isnull": ["", "perhaps"],
    "founded__lt": ["yesterday", "2020-02-30"],
    "coastal": ["2", "yes please"],
    "area__gt": ["nan", "inf", "-Infinity", "1e999", "x"],
    "name": ["%00"],
    "name__contains": ["x" * 1001],
    "name__icontains": ["%C3%BC" * 1001],
    "name__startswith": ["x" * 1001],
    "population__like": ["5"],
    "population__contains": ["5"],
    "name__isnull": ["true"],
    "nope": ["1"],
    "Name": ["Aba"],
    "limit": ["5"],
}


@pytest.fixture
def cities(admin, alice, bob):
    """The cities of alice, who may list only them; those of bob are noise that each query would find."""
    admin.declare("cities", FIELDS, access=ACCESS)
    for values in CITIES:
        for person in (bob, alice):
            person.make("cities", **dict(zip(FIELDS, values, strict=True)))


def page(person, query):
    """Return the answer to a list of cities."""
    response = person.get(f"/cities?{query}")
    assert response.status_code == 200, response.json
    return response.json


def names(answer):
    """Return the names in an answer, with blanks between them."""
    return " ".join(city["name"] for city in answer["data"])


def walk(person, query):
    """Yield the names page by page, from cursor to cursor, until there is none."""
    answer = page(person, query)
    yield names(answer)
    while cursor := answer["meta"]["next_cursor"]:
        answer = page(person, f"{query}&cursor={cursor}")
        yield names(answer)


def test_lists_what_the_actor_may_see(cities, alice, edith):
    answer = page(alice, "")
    assert {city["created_by"] for city in answer["data"]} == {alice.id}
    assert answer["meta"] == {
        "page": 1,
        "per_page": 20,
        "total": 7,
        "pages": 1,
        "total_is_at_least": None,
        "next_cursor": None,
    }
    assert page(edith, "")["meta"]["total"] == 14


@ON_SQLITE
def test_needs_a_login(cities, stranger):
    response = stranger.get("/cities")
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_filters(cities, alice):
    found = {query: names(page(alice, f"{query}&sort=name")) for query in QUERIES}
    assert found == QUERIES


def test_counts_what_the_filters_leave(cities, alice):
    totals = {query: page(alice, f"{query}&per_page=1")["meta"]["total"] for query in QUERIES}
    assert totals == {query: len(found.split()) for query, found in QUERIES.items()}


def test_sorts(cities, alice):
    """Ties in the direction of the last term, nulls last whatever the direction."""
    assert {order: names(page(alice, f"sort={order}")) for order in ORDERS} == ORDERS


def test_paging_by_cursor_returns_every_record_once(cities, alice):
    for order, sorted_names in ORDERS.items():
        for per_page in (1, 2, 3, 6, 7):
            assert " ".join(walk(alice, f"sort={order}&per_page={per_page}")) == sorted_names, (order, per_page)


def test_paging_by_cursor_keeps_the_filters(cities, alice):
    pages = list(walk(alice, "sort=-population&per_page=2&country__ne=CO&area__lt=9"))
    assert pages == ["Gap Faro", "Aba Evry"]


def test_paging_continues_while_records_are_created_and_deleted(cities, alice):
    ids = {city["name"]: city["id"] for city in page(alice, "")["data"]}
    pages = walk(alice, "sort=-population&per_page=2")
    assert next(pages) == "Cali Gap"
    # The record that the cursor stands on, and one to come.
    for name in ("Gap", "Deva"):
        assert alice.delete(f"/cities/{ids[name]}").status_code == 200
    for name, population in [("Passed", 800), ("Passed too", 700), ("Ahead", 600), ("Null", None)]:
        alice.make("cities", name=name, population=population)
    assert list(pages) == ["Faro Ahead", "Aba Null", "Evry Bor"]


def test_pages_by_number(cities, alice):
    assert names(page(alice, "sort=name&per_page=3&page=2")) == "Deva Evry Faro"
    meta = page(alice, "sort=name&per_page=3&page=3")["meta"]
    assert meta == {"page": 3, "per_page": 3, "total": 7, "pages": 3, "total_is_at_least": None, "next_cursor": None}


def test_a_page_beyond_the_last_is_empty(cities, alice):
    for number in (4, 33_333):
        answer = page(alice, f"per_page=3&page={number}")
        assert answer["data"] == []
        assert answer["meta"] == {
            "page": number,
            "per_page": 3,
            "total": 7,
            "pages": 3,
            "total_is_at_least": None,
            "next_cursor": None,
        }


@ON_SQLITE
def test_an_empty_list_has_no_pages(cities, alice):
    answer = page(alice, "name=Nowhere")
    assert answer["data"] == []
    assert answer["meta"] == {
        "page": 1,
        "per_page": 20,
        "total": 0,
        "pages": 0,
        "total_is_at_least": None,
        "next_cursor": None,
    }


@ON_SQLITE
def test_counts_only_when_asked_to(cities, alice):
    meta = page(alice, "per_page=2&count=false")["meta"]
    assert (meta["page"], meta["total"], meta["pages"]) == (1, None, None)
    after = page(alice, f"per_page=2&count=true&cursor={meta['next_cursor']}")["meta"]
    assert (after["page"], after["total"], after["pages"]) == (None, None, None)


def test_returns_the_chosen_fields(cities, alice):
    assert page(alice, "name=Cali&fields=population,name")["data"] == [{"population": 900, "name": "Cali"}]
    assert page(alice, "name=Bor&fields=area&sort=-founded")["data"] == [{"area": None}]


@ON_SQLITE
def test_a_cursor_takes_another_page_size_and_choice_of_fields(cities, alice):
    cursor = page(alice, "sort=name&per_page=2")["meta"]["next_cursor"]
    answer = page(alice, f"sort=name&per_page=3&fields=name&cursor={cursor}")
    assert answer["data"] == [{"name": "Cali"}, {"name": "Deva"}, {"name": "Evry"}]


@ON_SQLITE
def test_refuses_a_cursor_of_another_query(cities, admin, alice):
    admin.declare("towns", FIELDS, access=ACCESS)
    cursor = page(alice, "sort=name&per_page=2&population__gt=0")["meta"]["next_cursor"]
    for path in (
        "/cities?sort=-name&population__gt=0",
        "/cities?population__gt=0",
        "/cities?sort=name",
        "/cities?sort=name&population__gt=1",
        "/cities?sort=name&population__gte=0",
        "/cities?sort=name&area__gt=0",
        "/towns?sort=name&population__gt=0",
    ):
        response = alice.get(f"{path}&cursor={cursor}")
        assert (response.status_code, response.json["error"]["code"]) == (400, "MALFORMED_REQUEST"), path


@ON_SQLITE
def test_refuses_a_forged_cursor(cities, alice):
    cursor = page(alice, "per_page=2")["meta"]["next_cursor"]
    payload, _, signature = cursor.rpartition(".")
    forged = [
        "",
        "x",
        "1",
        ".",
        cursor[:-1],
        f"x{cursor}",
        f"{payload}.",
        f".{signature}",
        f"{cursor}.x",
        "%C3%A9.%E2%82%AC",
    ]
    for text in forged:
        response = alice.get(f"/cities?cursor={text}")
        assert (response.status_code, response.json["error"]["code"]) == (400, "MALFORMED_REQUEST"), text


def test_a_cursor_opens_nothing_to_others(cities, alice, bob):
    cursor = page(alice, "sort=name&per_page=3")["meta"]["next_cursor"]
    answer = page(bob, f"sort=name&cursor={cursor}")
    assert {city["created_by"] for city in answer["data"]} == {bob.id}


@ON_SQLITE
def test_rejects_bad_parameters(admin):
    admin.declare("cities", FIELDS)
    for parameter, value in [(parameter, value) for parameter, values in BAD_PARAMETERS.items() for value in values]:
        response = admin.get(f"/cities?{parameter}={value}")
        assert response.status_code == 422, (parameter, value)
        assert list(details_of(response)["query"]) == [parameter]


@ON_SQLITE
def test_takes_the_bounds_of_a_page(cities, alice):
    for per_page in (1, 200):
        assert page(alice, f"per_page={per_page}")["meta"]["per_page"] == per_page


@ON_SQLITE
def test_refuses_pages_that_only_a_cursor_reaches(cities, alice):
    assert page(alice, "per_page=200&page=500")["data"] == []
    for path in ("/cities", "/cities/aggregate", "/cities?q=a"):
        response = alice.get(f"{path}{'&' if '?' in path else '?'}per_page=200&page=501")
        assert response.status_code == 422, path
    messages = details_of(alice.get("/cities?per_page=200&page=501"))["query"]["page"]
    assert "cursor" in messages[0]


@ON_SQLITE
def test_takes_at_most_32_filters(admin):
    admin.declare("numbers", {f"n{i}": {"type": "integer"} for i in range(150)})
    filters = [f"n{i}__{operator}=1" for i in range(150) for operator in ("gt", "gte", "lt", "lte", "ne", "in")]
    for path in ("/numbers", "/numbers/export", "/numbers/aggregate"):
        assert admin.get(f"{path}?{'&'.join(filters[:32])}").status_code == 200, path
        for count in (33, 900):
            response = admin.get(f"{path}?{'&'.join(filters[:count])}")
            assert response.status_code == 422, path
            assert details_of(response)["query"]["_schema"] == ["A request has at most 32 filters."]


def test_cached_statements_take_a_limited_part_of_memory(admin, monkeypatch):
    monkeypatch.setattr(StatementCache, "max_bytes", 400_000)
    admin.declare("numbers", {f"n{i}": {"type": "integer"} for i in range(4)})
    kept = []
    for i in range(1, 40):
        values = ",".join(["1"] * (20 + i))
        assert admin.get(f"/numbers?n{i % 4}__in={values}").status_code == 200
        kept.append(StatementCache.kept_bytes())
    assert 300_000 < max(kept) <= 400_000
    assert any(after < before for before, after in pairwise(kept))  # the ones asked for longest ago were let go
    assert admin.get("/numbers?n1=1").status_code == 200


def test_a_statement_that_would_evict_many_others_is_not_cached(admin, monkeypatch):
    admin.declare("numbers", {"n1": {"type": "integer"}})
    monkeypatch.setattr(StatementCache, "max_bytes", 800_000)
    admin.get("/numbers?n1=1")
    before = StatementCache.kept_bytes()
    assert admin.get(f"/numbers?n1__in={','.join(['1'] * 200)}").status_code == 200
    assert StatementCache.kept_bytes() <= before


def test_takes_a_list_repeated_as_generated_clients_write_it(cities, alice):
    repeated = page(alice, "fields=id&fields=name&sort=name&sort=id")
    joined = page(alice, "fields=id,name&sort=name,id")
    assert (repeated["data"], repeated["meta"]) == (joined["data"], joined["meta"])


@ON_SQLITE
def test_rejects_repeated_parameters(cities, alice):
    for name in ("country", "count", "page", "population__gt"):
        response = alice.get(f"/cities?{name}=1&{name}=1")
        assert response.status_code == 422, name
        assert details_of(response) == {"query": {name: ["Given more than once."]}}


def test_a_list_may_be_written_as_repeated_parameters(cities, alice):
    answer = page(alice, "country__in=FR&country__in=PT&sort=-population&sort=-name&fields=name&fields=area")
    assert [list(city.items()) for city in answer["data"]] == [
        [("name", "Gap"), ("area", -0.25)],
        [("name", "Faro"), ("area", 2.5)],
        [("name", "Evry"), ("area", 3.5)],
    ]


def test_a_comma_in_percent_belongs_to_its_text(admin):
    admin.declare("people", {"name": {"type": "string"}, "kind": {"type": "enum", "choices": ["a", "b,c", "b"]}})
    for name, kind in [("Smith, John", "b,c"), ("x", "a"), ("Smith", "b"), ("+ %2C", None)]:
        admin.make("people", name=name, kind=kind)
    found = {
        "name__in=Smith%2C%20John,x": ["Smith, John", "x"],
        "name__in=Smith%2c+John&name__in=x": ["Smith, John", "x"],
        "name__in=Smith,x": ["x", "Smith"],
        "name__in=Smith%2Cx": [],
        "name__in=%2B+%252C": ["+ %2C"],
        "kind__in=b%2Cc": ["Smith, John"],
        "kind__in=a,b%2Cc": ["Smith, John", "x"],
        "kind__in=a,b": ["x", "Smith"],
        "kind=b,c": ["Smith, John"],
        "name%5F_in=x": ["x"],
    }
    for query, names in found.items():
        assert [each["name"] for each in page_of(admin, f"/people?{query}")] == names, query
        lines = admin.get(f"/people/export?format=ndjson&fields=name&{query}").text.splitlines()
        assert [json.loads(line)["name"] for line in lines] == names, query
        assert page_of(admin, f"/people/aggregate?{query}")[0]["count"] == len(names), query


@ON_SQLITE
def test_a_comma_in_percent_separates_where_no_value_has_one(cities, alice):
    """Many clients encode every comma."""
    for query in ("fields=name,area", "sort=-area,name", "population__in=500,700", "founded__in=1900-01-01,0014-01-01"):
        plain, encoded = (page(alice, each) for each in (query, query.replace(",", "%2C")))
        assert (plain["data"], plain["meta"]) == (encoded["data"], encoded["meta"]), query
    assert page_of(alice, "/cities/aggregate?group_by=country%2Ccoastal&sum=population%2Carea")


def page_of(person, path):
    """Return the data of an answer."""
    response = person.get(path)
    assert response.status_code == 200, response.json
    return response.json["data"]


def test_counts_up_to_a_limit(cities, alice, monkeypatch):
    """Exactly that many is exact; the last page costs no count, so its total is always exact."""
    monkeypatch.setattr(count_limit, "most", 7)
    for query in ("per_page=3", "per_page=3&page=4", "per_page=2&sort=-name&name__gte=A"):
        meta = page(alice, query)["meta"]
        assert (meta["total"], meta["total_is_at_least"]) == (7, None)
    monkeypatch.setattr(count_limit, "most", 6)
    for query in ("per_page=3", "per_page=3&page=4", "per_page=3&population__ne=1"):
        meta = page(alice, query)["meta"]
        assert (meta["total"], meta["pages"], meta["total_is_at_least"]) == (None, None, 6)
    meta = page(alice, "per_page=3&page=3")["meta"]
    assert (meta["total"], meta["pages"], meta["total_is_at_least"]) == (7, 3, None)
    meta = page(alice, "per_page=3&count=false")["meta"]
    assert (meta["total"], meta["total_is_at_least"]) == (None, None)
