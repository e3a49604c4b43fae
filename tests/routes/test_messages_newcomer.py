"""Mistakes of somebody who meets the API for the first time, and the exact text of each answer."""

import pytest

from tests.conftest import ON_SQLITE, Person
from tests.helpers import details_of

pytestmark = ON_SQLITE

FIELDS = {
    "title": {"type": "string", "required": True, "unique": True},
    "kind": {"type": "enum", "choices": ["novel", "essay"]},
    "pages": {"type": "integer", "min": 1},
}
ACCESS = {"list": ["public"], "read": ["public"], "create": ["member"], "update": ["member"]}
SIGN_IN = "Sign in first: send the access token or an API key as `Authorization: Bearer`."
WRONG_HEADER = "The Authorization header must be `Bearer` and a token."
# Map of headers to the message of a 401.
HEADERS = {
    (): SIGN_IN,
    (("X-API-Key", "ldr_abc"),): SIGN_IN,
    (("Authorization", "Basic YTpi"),): WRONG_HEADER,
    (("Authorization", "Token abc"),): WRONG_HEADER,
    (("Authorization", "eyJhbGciOiJIUzI1NiJ9"),): WRONG_HEADER,
    (("Authorization", "Bearer abc"),): "The token is not valid.",
    (("Authorization", "Bearer undefined"),): "The token is the word undefined: the client sends a variable without a "
    "value.",
    (("Authorization", "Bearer null"),): "The token is the word null: the client sends a variable without a value.",
    (("Authorization", "Bearer ldr_abc"),): "The API key is not valid, or it was revoked or has expired.",
}
UNWRAP = "Unknown field. Send the fields without"
EDITR = {"email": "x@example.com", "name": "X", "password": "a long enough passphrase", "roles": ["editr"]}
READ_ONLY = "Larder sets this field; leave it out."
# Rows of method, path, body, and the texts of the problems in it.
BODIES = [
    (
        "POST",
        "/books",
        {"data": {"title": "Emma"}},
        {"data": [f"{UNWRAP} data around them."]},
    ),
    (
        "POST",
        "/books",
        {"record": {"title": "Emma"}},
        {"record": [f"{UNWRAP} record around them."]},
    ),
    ("POST", "/books", {"id": "1", "title": "Emma"}, {"id": [READ_ONLY]}),
    ("PATCH", "/books/<id>", {"id": "1", "version": 1}, {"id": [READ_ONLY], "version": [READ_ONLY]}),
    ("PUT", "/books/<id>", {"title": "a", "created_at": "now"}, {"created_at": [READ_ONLY]}),
    ("PUT", "/books/<id>", {"kind": "novel"}, {"title": ["A value is required."]}),
    ("POST", "/books", {"title": "Emma", "pages": 0}, {"pages": ["Must be 1 or more."]}),
    ("POST", "/books", {"title": "Emma", "Pages": 1}, {"Pages": ["Unknown field. Did you mean pages?"]}),
    (
        "POST",
        "/users",
        EDITR,
        {"roles": ["No such role: editr. Did you mean editor?"]},
    ),
    ("POST", "/roles", {"name": "cook", "permissions": ["user:read"]}, None),
]
# Rows of method, path, status and message.
PATHS = [
    ("GET", "/resources/boks", 404, "There is no resource boks. Did you mean books?"),
    ("DELETE", "/resources/books", 409, "The resource has 1 record. Send ?confirm=true to drop what it has as well."),
    ("GET", "/books/<id>/histroy", 404, "There is nothing at this path."),
    ("GET", "/books/<id>/history", 404, "This resource keeps no history: set `history` in its definition to true."),
    ("GET", "/kept/<id>/histroy", 404, "There is nothing at this path. Did you mean /api/v1/kept/<id>/history?"),
    ("GET", "/books/search", 404, "search is not an id: an id is a UUID."),
    ("PATCH", "/books", 405, "This path takes GET, POST, not PATCH."),
    ("GET", "/api_keys", 404, "There is nothing at this path. Did you mean /api/v1/api-keys?"),
    ("GET", "/openapi.yaml", 404, "There is nothing at this path. Did you mean /openapi.json?"),
]
QUERIES = {
    "title__isnull=true": {"title__isnull": ["title is never null."]},
    "page=0": {"page": ["Must be 1 or more."]},
    "per_page=1000": {"per_page": ["Must be 200 or less."]},
    "title=a&title=b": {"title": ["Given more than once."]},
    "kind__in=novel,poem": {"kind__in": {"1": ["Must be one of: novel, essay."]}},
}


@pytest.fixture
def book(admin):
    """The id of a record of a resource that members may change; another resource keeps history."""
    admin.declare("books", FIELDS, access=ACCESS)
    admin.declare("kept", FIELDS, access=ACCESS, history=True)
    return admin.make("books", title="Persuasion")["id"]


def test_a_missing_or_wrong_token_is_explained(app):
    person = Person(app)
    for headers, message in HEADERS.items():
        answer = person.get("/auth/me", headers=dict(headers))
        assert (answer.status_code, answer.json["error"]["message"]) == (401, message), headers


def test_a_wrong_body_is_explained(book, admin):
    for method, path, body, problems in BODIES:
        answer = admin.send(method, path.replace("<id>", book), json=body)
        assert answer.status_code == 422, body
        found = details_of(answer)["json"]
        assert problems is None or {name: found[name] for name in problems} == problems, body
    assert "Did you mean users:read?" in str(details_of(answer))
    assert [row["title"] for row in admin.get("/books").json["data"]] == ["Persuasion"]


def test_a_wrong_path_is_explained(book, admin):
    for method, path, status, message in PATHS:
        answer = admin.send(method, path.replace("<id>", book))
        found = answer.json["error"]["message"].replace(book, "<id>")
        assert (answer.status_code, found) == (status, message), path


def test_a_wrong_query_is_explained(book, alice):
    for query, problems in QUERIES.items():
        answer = alice.get(f"/books?{query}")
        assert (answer.status_code, details_of(answer)) == (422, {"query": problems}), query


def test_the_resource_of_an_operation_that_was_meant_is_proposed_to_those_who_may_use_it(book, admin, alice):
    admin.declare("secrets", FIELDS)

    def message(person, resource):
        operation = {"op": "create", "resource": resource, "data": {"title": "x"}}
        answer = person.post("/batch", json={"operations": [operation]})
        assert answer.status_code == 404
        return answer.json["error"]["message"]

    assert message(alice, "boks") == "Operation 0: There is no resource boks. Did you mean books?"
    assert message(admin, "secret") == "Operation 0: There is no resource secret. Did you mean secrets?"
    assert message(alice, "secret") == "Operation 0: There is no resource secret."
