"""`q`: full-text search in the `search` fields of a definition."""

import json
from random import Random

import pytest

from backend.models.database import database
from backend.services.records import lists
from backend.services.storage import full_text, pages
from backend.services.storage.counts import count_limit
from tests.conftest import ON_SQLITE
from tests.helpers import details_of

ACCESS = {"list": ["public"], "read": ["public"], "create": ["member"], "update": ["owner"], "delete": ["owner"]}
BOOKS = {
    "fields": {
        "title": {"type": "string", "required": True},
        "blurb": {"type": "text"},
        "pages": {"type": "integer"},
        "shelf": {"type": "reference", "to": "shelves", "on_delete": "cascade"},
    },
    "search": ["title", "blurb"],
    "access": ACCESS,
}
TITLES = {
    "Middlemarch": "A study of provincial life",
    "The Mill on the Floss": "Life by a river, and a flood",
    "Großstadt im Café": "Straßen, Ärger; e-mail an a.b@c.de",
    "Война и мир": "Two families, one war: 1805-1812",
    "Life": "Life, life and life again",
}


@pytest.fixture
def books(admin, alice):
    """A resource with a search, and records in it."""
    admin.declare("shelves", {"name": {"type": "string"}}, access=ACCESS)
    admin.declare("books", **BOOKS)
    return {title: alice.make("books", title=title, blurb=blurb, pages=7) for title, blurb in TITLES.items()}


def titles(person, **query):
    answer = person.get("/books", query_string=query)
    assert answer.status_code == 200, answer.json
    assert answer.json["meta"]["total"] == len(answer.json["data"])
    return [book["title"] for book in answer.json["data"]]


def test_finds_by_words_and_beginnings_of_words_in_any_case_and_without_accents(books, stranger):
    found = {
        "middlemarch": ["Middlemarch"],
        "MIDDLE": ["Middlemarch"],
        "march": [],
        "river life": ["The Mill on the Floss"],
        "life -river": ["The Mill on the Floss"],
        "mill middlemarch": [],
        "cafe": ["Großstadt im Café"],
        "GROSSSTADT": ["Großstadt im Café"],
        "strassen arger": ["Großstadt im Café"],
        "a.b@c.de": ["Großstadt im Café"],
        "война": ["Война и мир"],
        "1805": ["Война и мир"],
    }
    assert {text: titles(stranger, q=text) for text in found} == found


def test_the_best_match_comes_first_unless_an_order_is_asked_for(books, stranger):
    assert titles(stranger, q="life")[0] == "Life"
    assert titles(stranger, q="life", sort="-title") == ["The Mill on the Floss", "Middlemarch", "Life"]


HOSTILE = [
    *('"', "'", 'a"b', "'; DROP TABLE books; --", "NEAR(a b)", "title:life", "{c0}: x", "a AND", "OR", "NOT", "(", ")"),
    *("*", "^a", "a*b", "-a", "a - b", "\\", "%", "_", "a & | ! b:*", "<->", "'a':*", "\u202e", "e\u0301" * 20),
    "x" * 999,
]


def test_any_text_is_a_valid_search(books, stranger):
    for text in HOSTILE:
        for more in ({}, {"sort": "title", "pages__gt": 1}):
            assert stranger.get("/books", query_string={"q": text} | more).status_code == 200, text


def test_a_text_without_words_finds_nothing_and_an_empty_one_is_ignored(books, stranger):
    assert titles(stranger, q="!!!") == []
    assert sorted(titles(stranger, q="  ")) == sorted(titles(stranger))
    assert stranger.get("/books", query_string={"q": "x" * 1001}).status_code == 422
    assert stranger.get("/shelves?q=life").status_code == 422


def test_pages_and_cursors(books, stranger):
    first = stranger.get("/books?q=life&per_page=2").json
    assert (first["meta"]["total"], first["meta"]["next_cursor"]) == (3, None)
    second = stranger.get("/books?q=life&per_page=2&page=2").json
    assert len({book["id"] for book in first["data"] + second["data"]}) == 3
    walked = stranger.get("/books?q=life&per_page=2&sort=title").json
    rest = stranger.get(f"/books?q=life&per_page=2&sort=title&cursor={walked['meta']['next_cursor']}").json
    assert [book["title"] for book in walked["data"] + rest["data"]] == ["Life", "Middlemarch", "The Mill on the Floss"]
    assert stranger.get(f"/books?q=mill&sort=title&cursor={walked['meta']['next_cursor']}").status_code == 400


def test_filters_and_grants_narrow_it(admin, books, alice, bob):
    admin.put("/resources/books", json=BOOKS | {"access": ACCESS | {"list": ["owner"]}})
    bob.make("books", title="My life", pages=9)
    assert titles(bob, q="life") == ["My life"]
    assert titles(alice, q="life", pages__lt=3) == []
    assert len(titles(admin, q="life")) == 4


def test_follows_every_change_of_a_record(books, alice, stranger):
    path = f"/books/{books['Life']['id']}"
    alice.patch(path, json={"title": "Death"})
    assert titles(stranger, q="death life") == ["Death"]
    alice.patch(path, json={"blurb": None})
    assert titles(stranger, q="death life") == []
    alice.put(path, json={"title": "Birth", "blurb": "Begins"})
    assert (titles(stranger, q="death"), titles(stranger, q="birth begins")) == ([], ["Birth"])
    alice.patch(path, json={"pages": 1})
    assert titles(stranger, q="birth") == ["Birth"]
    alice.delete(path)
    assert titles(stranger, q="birth") == []


def test_forgets_records_that_are_deleted_by_a_cascade(admin, books, alice, stranger):
    shelf = alice.make("shelves", name="Top")
    alice.make("books", title="Emma", shelf=shelf["id"])
    assert titles(stranger, q="emma") == ["Emma"]
    assert alice.delete(f"/shelves/{shelf['id']}").status_code == 200
    assert titles(stranger, q="emma") == []
    with database.connection_context():
        table = full_text.table_names("books")[0]
        assert database.execute_sql(f'SELECT count(*) FROM "{table}"').fetchone()[0] == len(TITLES)


def test_is_rebuilt_when_the_definition_changes(admin, books, stranger):
    def change(**parts):
        plan = admin.post("/resources/books/plan", json=BOOKS | parts).json["data"]
        answer = admin.put(f"/resources/books?confirm={plan['fingerprint']}", json=BOOKS | parts)
        assert answer.status_code == 200, answer.json

    change(search=["blurb"])
    assert (titles(stranger, q="middlemarch"), titles(stranger, q="provincial")) == ([], ["Middlemarch"])
    fields = {name: kind for name, kind in BOOKS["fields"].items() if name != "blurb"}
    change(fields=fields | {"about": {"type": "string", "renamed_from": "blurb"}}, search=["about", "title"])
    assert titles(stranger, q="middlemarch provincial") == ["Middlemarch"]
    change(fields=fields, search=["title"])
    assert (titles(stranger, q="middlemarch"), titles(stranger, q="provincial")) == (["Middlemarch"], [])
    change(fields=fields, search=[])
    assert stranger.get("/books?q=life").status_code == 422
    change(fields=fields, search=["title"])
    assert titles(stranger, q="middlemarch") == ["Middlemarch"]
    renamed = BOOKS | {"fields": fields, "search": ["title"], "name": "volumes", "renamed_from": ["books"]}
    assert admin.put("/resources/books", json=renamed).status_code == 200
    assert [book["title"] for book in stranger.get("/volumes?q=middle").json["data"]] == ["Middlemarch"]
    assert admin.delete("/resources/volumes?confirm=true").status_code == 200
    admin.declare("books", **BOOKS)


def test_a_search_does_not_reveal_a_hidden_field(admin, edith, alice):
    fields = {"title": {"type": "string"}, "wage": {"type": "string", "readable_by": ["editor"]}}
    admin.declare("notes", fields, search=["wage", "title"], access={"list": ["member"]})
    admin.make("notes", title="Milk", wage="much")
    admin.declare(
        "secrets", {"wage": fields["wage"], "n": {"type": "integer"}}, search=["wage"], access={"list": ["member"]}
    )
    for q, seen in (("much", 0), ("milk", 1), ("milk much", 0)):
        assert alice.get(f"/notes?q={q}").json["meta"]["total"] == seen
    for q in ("much", "milk", "milk much"):
        assert edith.get(f"/notes?q={q}").json["meta"]["total"] == 1
    admin.declare("others", {"hint": {"type": "string"}}, access={"list": ["member"]})
    refused, unknown = alice.get("/secrets?q=much"), alice.get("/others?q=much")
    assert refused.status_code == unknown.status_code == 422
    assert details_of(refused)["query"]["q"] == details_of(unknown)["query"]["q"]
    documents = [person.get("http://localhost/openapi.json").text for person in (alice, edith)]
    assert ["wage" in document for document in documents] == [False, True]


@ON_SQLITE
def test_the_index_survives_a_vacuum(books, stranger):
    database.execute_sql("DELETE FROM books WHERE title = 'Life'")
    database.execute_sql("VACUUM")
    assert titles(stranger, q="provincial") == ["Middlemarch"]


def test_the_order_of_hits_is_the_same_on_every_database(books, alice, stranger):
    for title, blurb in [
        ("Sea", "life " * 40),
        ("Life at sea", None),
        ("Hills", "sea air, life"),
        ("Lifelong", "life"),
    ]:
        alice.make("books", title=title, blurb=blurb)
    expected = ["Sea", "Life", "Lifelong", "Life at sea", "Hills", "Middlemarch", "The Mill on the Floss"]
    assert titles(stranger, q="life") == expected
    assert titles(stranger, q="life sea") == ["Sea", "Life at sea", "Hills"]


def test_the_order_of_hits_does_not_reveal_words_of_a_hidden_record(admin, alice):
    """A word of the secret would weigh less in the member's own records, were words weighed by all records."""
    access = {"list": ["owner"], "read": ["owner"], "create": ["member"], "delete": ["owner"]}
    admin.declare("notes", {"text": {"type": "string"}}, search=["text"], access=access)
    noise = "\n".join(["text", *(f"noise {number}" for number in range(50))])
    assert admin.post("/notes/import", data=noise, content_type="text/csv").status_code == 200
    admin.make("notes", text="osprey osprey osprey")

    def order(guess):
        made = [alice.make("notes", text=text) for text in (f"{guess} {guess} zz", f"{guess} zz zz")]
        found = [each["id"] for each in alice.get(f"/notes?q={guess} zz").json["data"]]
        for each in made:
            alice.delete(f"/notes/{each['id']}")
        return [each["id"] for each in made] == found

    assert [order("osprey"), order("o")] == [order("ospray"), order("p")]


def test_the_order_of_hits_does_not_reveal_the_length_of_a_hidden_field(admin, edith, alice):
    fields = {"title": {"type": "string"}, "wage": {"type": "text", "readable_by": ["editor"]}}
    admin.declare("notes", fields, search=["title", "wage"], access={"list": ["member"]})
    long = admin.make("notes", title="Milk", wage="much " * 50)
    short = admin.make("notes", title="Milk", wage="much")
    admin.make("notes", title="Milk")
    for person, first in ((alice, long), (edith, short)):
        found = [each["id"] for each in person.get("/notes?q=milk").json["data"]]
        assert found.index(long["id"]) == (0 if first is long else 2)


def test_takes_texts_of_any_size_and_any_words(admin, books, alice, stranger):
    random = Random(1)
    many = " ".join("".join(random.choices("åßяλ漢", k=64)) for _ in range(7_000))
    for text in (many, "\ufdfa" * 300_000, "a" + "\u0300\u0316" * 200_000, "x" * 900_000, "ab " * 300_000):
        lines = json.dumps({"title": "Big", "blurb": text}, ensure_ascii=False)
        done = alice.post("/books/import", data=lines.encode(), content_type="application/x-ndjson")
        assert (done.status_code, done.json["data"]["created"]) == (200, 1), done.json
    assert titles(stranger, q="big") == ["Big"] * 5
    assert titles(stranger, q=many.split()[0]) == ["Big"]
    assert len(titles(stranger, q="ab")) == 1


def test_of_very_many_hits_the_latest_are_ranked(books, alice, stranger, monkeypatch):
    """With three: the oldest hits are in no page of the best, but in the number and in every other order."""
    monkeypatch.setattr(pages, "MAX_RANKED", 2)  # of which one more is read
    monkeypatch.setattr(lists, "MAX_RANKED", 3)
    for title in ("Life at sea", "Life on land"):
        alice.make("books", title=title)
    answer = stranger.get("/books?q=life&per_page=1").json
    assert (answer["data"][0]["title"], answer["meta"]["total"]) == ("Life", 5)
    best = [stranger.get(f"/books?q=life&per_page=1&page={page}").json["data"][0]["title"] for page in (1, 2, 3)]
    assert sorted(best) == ["Life", "Life at sea", "Life on land"]
    assert best[0] == "Life"
    assert len(titles(stranger, q="life", sort="id")) == 5
    answer = stranger.get("/books?q=life&per_page=2&page=2")
    assert answer.status_code == 422
    (problem,) = answer.json["error"]["details"]["query"]["page"]
    assert (problem["code"], problem["limit"]) == ("too_large", 3)
    assert "`sort`" in problem["message"]
    assert [book["title"] for book in stranger.get("/books?q=provincial&per_page=1").json["data"]] == ["Middlemarch"]


def test_hits_are_counted_up_to_a_limit(admin, books, alice, stranger, monkeypatch):
    """All of them, which the index knows, and those that a filter or a rule leaves."""
    monkeypatch.setattr(count_limit, "most", 2)
    for query in ("", "&pages=7", "&sort=title"):
        meta = stranger.get(f"/books?q=life&per_page=1{query}").json["meta"]
        assert (meta["total"], meta["total_is_at_least"]) == (None, 2), query
    monkeypatch.setattr(count_limit, "most", 3)
    for query in ("", "&pages=7", "&sort=title"):
        meta = stranger.get(f"/books?q=life&per_page=1{query}").json["meta"]
        assert (meta["total"], meta["total_is_at_least"]) == (3, None), query
