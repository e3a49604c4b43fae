"""`GET /<name>/aggregate`."""

from decimal import Decimal

import pytest

from tests.conftest import ON_SQLITE

FIELDS = {
    "kind": {"type": "enum", "choices": ["novel", "poem"]},
    "shelf": {"type": "string"},
    "pages": {"type": "integer"},
    "price": {"type": "decimal", "precision": 18, "scale": 2},
    "weight": {"type": "number"},
    "bought": {"type": "date"},
    "seen": {"type": "datetime"},
    "lent": {"type": "boolean"},
    "tags": {"type": "json"},
}
ROWS = [
    {
        "kind": "novel",
        "shelf": "A",
        "pages": 100,
        "price": "12.50",
        "weight": 0.5,
        "bought": "2026-01-31",
        "lent": True,
    },
    {"kind": "novel", "shelf": "B", "pages": 250, "price": "-2.25", "weight": 1.25, "bought": "2025-12-01"},
    {"kind": "poem", "shelf": "A", "pages": 33, "price": "0.01", "seen": "2026-01-01T00:00:00Z", "lent": False},
    {"kind": "poem", "shelf": None, "pages": None, "price": None, "lent": True},
    {"shelf": "A", "pages": -7, "price": "1.00"},
]


@pytest.fixture
def books(admin):
    """A resource that members may list, with records in it."""
    admin.declare("books", FIELDS, access={"list": ["member"]}, search=["shelf"])
    for row in ROWS:
        admin.make("books", **row)


def groups(person, query=""):
    answer = person.get(f"/books/aggregate?{query}")
    assert answer.status_code == 200, answer.json
    return answer.json["data"]


def test_counts_adds_and_compares_all(books, alice):
    assert groups(alice) == [{"count": 5}]
    (all_,) = groups(alice, "sum=pages,price,weight&avg=pages,price&min=price,bought,shelf&max=pages,seen&count=false")
    assert all_ == {
        "sum": {"pages": 376, "price": "11.26", "weight": 1.75},
        "avg": {"pages": 94.0, "price": "2.81500000"},
        "min": {"price": "-2.25", "bought": "2025-12-01", "shelf": "A"},
        "max": {"pages": 250, "seen": "2026-01-01T00:00:00.000000Z"},
    }


def test_groups_with_null_as_a_group_at_the_end(books, alice):
    assert groups(alice, "group_by=kind&sum=price") == [
        {"kind": "novel", "count": 2, "sum": {"price": "10.25"}},
        {"kind": "poem", "count": 2, "sum": {"price": "0.01"}},
        {"kind": None, "count": 1, "sum": {"price": "1.00"}},
    ]
    assert [(each["kind"], each["shelf"], each["count"]) for each in groups(alice, "group_by=kind,shelf")] == [
        *(("novel", "A", 1), ("novel", "B", 1), ("poem", "A", 1), ("poem", None, 1), (None, "A", 1))
    ]
    assert [each["lent"] for each in groups(alice, "group_by=lent&sort=-count,lent")] == [True, None, False]
    assert groups(alice, "group_by=bought&bought__isnull=false&sort=-bought")[0] == {"bought": "2026-01-31", "count": 1}


def test_filters_and_searches_as_a_list_does(books, alice):
    assert groups(alice, "kind=novel&sum=pages") == [{"count": 2, "sum": {"pages": 350}}]
    assert groups(alice, "q=a&group_by=shelf") == [{"shelf": "A", "count": 3}]
    assert groups(alice, "pages__gt=1000&sum=pages&min=pages") == [
        {"count": 0, "sum": {"pages": None}, "min": {"pages": None}}
    ]
    assert groups(alice, "pages__gt=1000&group_by=kind") == []
    assert groups(alice, "q=!!!") == [{"count": 0}]
    assert groups(alice, "q=!!!&sum=pages,price&max=bought") == [
        {"count": 0, "sum": {"pages": None, "price": None}, "max": {"bought": None}}
    ]


def test_pages_of_groups(books, alice):
    first = alice.get("/books/aggregate?group_by=kind&per_page=2").json
    assert (first["meta"]["total"], first["meta"]["pages"], len(first["data"])) == (3, 2, 2)
    assert groups(alice, "group_by=kind&per_page=2&page=2") == [{"kind": None, "count": 1}]


def test_sums_are_exact_beyond_what_a_column_holds(admin):
    admin.declare("sums", {"n": {"type": "integer"}, "d": {"type": "decimal", "precision": 18, "scale": 2}})
    numbers, decimals = [2**63 - 1, 2**63 - 1, 2**63 - 1, -5], ["9999999999999999.99"] * 4
    for n, d in zip(numbers, decimals, strict=True):
        admin.make("sums", n=n, d=d)
    (found,) = admin.get("/sums/aggregate?sum=n,d&avg=d").json["data"]
    assert found["sum"] == {"n": sum(numbers), "d": str(sum(map(Decimal, decimals)))}
    assert found["avg"] == {"d": "9999999999999999.99000000"}
    for _ in range(3):
        admin.make("sums", n=-(2**63))
    assert admin.get("/sums/aggregate?sum=n").json["data"][0]["sum"]["n"] == sum(numbers) - 3 * 2**63


@ON_SQLITE
def test_refuses_what_has_no_sum_or_group(books, alice):
    for query in (
        "sum=kind",
        "avg=bought",
        "min=lent",
        "max=tags",
        "group_by=tags",
        "group_by=nope",
        "sum=",
        "sort=kind",
    ):
        assert alice.get(f"/books/aggregate?{query}").status_code == 422, query
    for query in ("fields=kind", "cursor=x", "expand=x", "sum=pages,pages", "nope=1", "pages=x"):
        assert alice.get(f"/books/aggregate?{query}").status_code == 422, query


def test_reveals_no_rows_or_fields_that_a_list_hides(admin, alice, edith, stranger):
    fields = {"team": {"type": "string"}, "wage": {"type": "integer", "readable_by": ["editor"]}}
    access = {"list": ["editor", {"role": "member", "where": {"team": "red"}}]}
    admin.declare("people", fields, access=access)
    for team, wage in (("red", 1), ("red", 2), ("blue", 3)):
        admin.make("people", team=team, wage=wage)
    assert alice.get("/people/aggregate?group_by=team").json["data"] == [{"team": "red", "count": 2}]
    assert edith.get("/people/aggregate?sum=wage").json["data"] == [{"count": 3, "sum": {"wage": 6}}]
    for query in ("sum=wage", "group_by=wage", "max=wage", "wage=1", "sort=wage"):
        hidden, missing = (alice.get(f"/people/aggregate?{each}") for each in (query, query.replace("wage", "nope")))
        assert (hidden.status_code, hidden.text.replace("wage", "nope")[:300]) == (422, missing.text[:300])
    assert stranger.get("/people/aggregate").status_code == 401
