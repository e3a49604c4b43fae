"""Names that do not exist: the message proposes what was most likely meant, as far as the caller may know it."""

import pytest

from backend.utils.nearest import SEARCHES_OF_A_REQUEST
from tests.conftest import ON_SQLITE
from tests.helpers import PUBLIC, details_of

pytestmark = ON_SQLITE

FIELDS = {
    "title": {"type": "string", "max_length": 200},
    "population": {"type": "integer"},
    "extra": {"type": "json"},
    "tags": {"type": "list", "of": "string"},
    "owner": {"type": "reference", "to": "users", "default": "$user.id"},
    "secret": {"type": "string", "readable_by": [], "writable_by": []},
}

# Map of query to the parameter that it means.
MEANT = {
    "limit=5": "per_page",
    "page_size=5": "per_page",
    "pageSize=5": "per_page",
    "page[size]=5": "per_page",
    "offset=5": "page",
    "skip=5": "page",
    "order_by=title": "sort",
    "ordering=title": "sort",
    "_sort=title": "sort",
    "select=title": "fields",
    "include=owner": "expand",
    "populate=owner": "expand",
    "$filter=x": "where",
    "filter[title]=x": "title",
    "filter[title][like]=x": "title__contains",
    "title[$gte]=x": "title__gte",
    "titel=x": "title",
    "Title=x": "title",
    "populaton__gt=1": "population__gt",
    "populaton__ge=1": "population__gte",
    "population_gte=1": "population__gte",
    "population__gte2=1": "population__gte",
    "title__like=x": "title__contains",
    "title__ilike=x": "title__icontains",
    "title__exact=x": "title",
    "tags__contains=x": "tags__has",
    "created=x": "created_by",
}
# Map of query to the message about its only parameter.
EXPLAINED = {
    "q=x": "This resource has no search fields: `search` of its definition names them.",
    "search=x": "This resource has no search fields: `search` of its definition names them.",
    "extra=x": "A field of type json has no such filter. The filters of extra are: extra__isnull.",
    "extra__gt=1": "A field of type json has no such filter. The filters of extra are: extra__isnull.",
    "extra.size=1": "A field of type json has no such filter. The filters of extra are: extra__isnull.",
    "population__regex=1": "A field of type integer has no such filter. The filters of population are: "
    "population, population__ne, population__in, population__isnull, population__gt, population__gte, population__lt, "
    "population__lte.",
    "owner.email=x": "Unknown parameter. A path through references must be among the `filters` of the definition; "
    "`where` takes all.",
    "expand.owner.filds=id": "Unknown parameter. The options of an expanded path are sort, per_page, where, count and "
    "fields.",
    "zebra=x": "Unknown parameter.",
    f"{'x' * 300}=x": "Unknown parameter.",
}
SORTS = {
    "titel": "title",
    "-titel": "-title",
    "title desc": "-title",
    "title:asc": "title",
    "title.desc": "-title",
    "%2Btitle": "title",
}
# Map of query to the suggestion within its value.
VALUES = {
    "fields=titel": "title",
    "expand=ownr": "owner",
    'where={"titel":1}': "title",
    'where={"title":{"gte2":1}}': "gte",
    'where={"title":{"like":"x"}}': "contains",
    'where={"ownr.email":"x"}': "owner",
    'where={"population":{"gt":{"field":"populaton"}}}': "population",
}
# Pairs of a part of a definition that is wrong and the suggestion for it.
DEFINITIONS = [
    ({"fields": {"a": {"type": "string", "maxlength": 3}}}, "max_length"),
    ({"fields": {"a": {"type": "string", "length": 3}}}, "max_length"),
    ({"fields": {"a": {"type": "string", "nullable": True}}}, "required"),
    ({"fields": {"a": {"type": "enum", "choices": ["x"], "values": ["x"]}}}, "choices"),
    ({"fields": {"a": {"type": "reference", "to": "users", "ondelete": "cascade"}}}, "on_delete"),
    ({"fields": {"a": {"type": "sting"}}}, "string"),
    ({"fields": {"a": {"type": "varchar"}}}, "string"),
    ({"fields": {"a": {"type": "int"}}}, "integer"),
    ({"fields": {"a": {"type": "relation"}}}, "reference"),
    ({"fields": {"a": {"type": "reference", "to": "countries_"}}}, "countries"),
    ({"fields": {"a": {"type": "string"}}, "histroy": True}, "history"),
    ({"fields": {"a": {"type": "string"}}, "permissions": {}}, "access"),
    ({"fields": {"a": {"type": "string"}}, "access": {"raed": ["public"]}}, "read"),
    ({"fields": {"a": {"type": "string"}}, "access": {"read": ["publc"]}}, "public"),
    ({"fields": {"a": {"type": "string"}}, "access": {"read": ["everyone"]}}, "public"),
    ({"fields": {"a": {"type": "string"}}, "access": {"read": [{"role": "member", "where": {"b": 1}}]}}, None),
    ({"fields": {"size": {"type": "integer"}}, "checks": {"c": {"sice": 1}}}, "size"),
    ({"fields": {"a": {"type": "string"}}, "on_owner_delete": "cascad"}, "cascade"),
]
BODIES = [
    ("/countries", {"titel": "x"}, "title"),
    ("/countries", {"Title": "x"}, "title"),
    ("/auth/login", {"username": "a@example.com", "password": "x"}, "email"),
    ("/users", {"email": "a@example.com", "name": "A", "pasword": "x"}, "password"),
    ("/batch", {"operations": [{"op": "creat", "resource": "countries"}]}, "create"),
    ("/batch", {"operations": [{"method": "create", "resource": "countries"}]}, "op"),
    ("/batch", {"operations": [{"op": "create", "resource": "countries", "data": {"titel": "x"}}]}, "title"),
]


@pytest.fixture
def countries(admin):
    """A resource that everyone may use, with a field that only admins may."""
    admin.declare("countries", FIELDS, access=PUBLIC)


def suggestions(answer):
    """Return the suggestions in the details of a refusal, in their order."""
    assert answer.status_code == 422, answer.json

    def find(part):
        if isinstance(part, dict) and "code" in part:
            return [part["suggestion"]] if "suggestion" in part else []
        parts = part.values() if isinstance(part, dict) else part
        return [found for each in parts for found in find(each)]

    return find(answer.json["error"]["details"])


def test_a_parameter_that_was_meant_is_proposed(countries, alice):
    for query, meant in MEANT.items():
        answer = alice.get(f"/countries?{query}")
        assert suggestions(answer) == [meant], query
        [[message]] = details_of(answer)["query"].values()
        assert message.endswith(f" Did you mean {meant}?")


def test_why_there_is_no_such_parameter_is_explained(countries, alice):
    for query, message in EXPLAINED.items():
        answer = alice.get(f"/countries?{query}")
        assert answer.status_code == 422, query
        assert [*details_of(answer)["query"].values()] == [[message]], query
    assert details_of(alice.get("/auth/me?x=1")) == {"query": {"x": ["Unknown parameter."]}}


def test_an_order_that_was_meant_is_proposed(countries, alice):
    for term, meant in SORTS.items():
        assert suggestions(alice.get(f"/countries?sort={term}")) == [meant], term
    problem = {"query": {"sort": {"0": ["A field of type json cannot be sorted by."]}}}
    assert details_of(alice.get("/countries?sort=-extra")) == problem


def test_a_name_in_a_value_that_was_meant_is_proposed(countries, alice):
    for query, meant in VALUES.items():
        assert suggestions(alice.get(f"/countries?{query}")) == [meant], query


def test_a_part_of_a_definition_that_was_meant_is_proposed(countries, admin):
    for part, meant in DEFINITIONS:
        answer = admin.post("/resources", json={"name": "cities", **part})
        assert suggestions(answer) == ([meant] if meant else []), part
    assert admin.get("/resources/cities").status_code == 404


def test_a_member_of_a_body_that_was_meant_is_proposed(countries, admin):
    for path, body, meant in BODIES:
        assert meant in suggestions(admin.post(path, json=body)), body
    assert admin.get("/countries").json["data"] == []


def test_a_hidden_field_is_not_proposed_and_is_answered_as_one_that_does_not_exist(countries, admin, alice):
    for query in ("secre=x", "secre__gt=x", "sort=secre", "fields=secre", 'where={"secre":1}'):
        assert suggestions(admin.get(f"/countries?{query}")) != [], query
        assert suggestions(alice.get(f"/countries?{query}")) == [], query
    for query in ("{}=x", "{}__gt=x", "{}__like=x", "sort={}", "sort=-{}", "fields={}", 'where={{"{}":1}}'):
        hidden, unknown = (alice.get(f"/countries?{query.format(name)}") for name in ("secret", "zebraa"))
        assert hidden.status_code == 422, query
        texts = [str(answer.json["error"]["details"]) for answer in (hidden, unknown)]
        assert texts[0].replace("secret", "zebraa") == texts[1], query
    for body in ({"secret": "x"}, {"zebraa": "x"}):
        assert [*details_of(alice.post("/countries", json=body))["json"].values()] == [["Unknown field."]]
    assert suggestions(alice.post("/countries", json={"secre": "x"})) == []


def test_relations_that_lead_nowhere_for_the_caller_are_not_proposed(countries, admin, alice):
    admin.declare("diaries", {"country": {"type": "reference", "to": "countries"}})
    for query in ("expand=diarys", "expand=diaries", 'where={"diarys":{"some":{}}}'):
        assert suggestions(alice.get(f"/countries?{query}")) == [], query
    [relation] = suggestions(admin.get("/countries?expand=diaries_of_country"))
    assert relation.startswith("diaries")


def test_a_former_name_that_never_existed_is_refused_everywhere(countries, admin):
    zzz = {"type": "string", "renamed_from": "zzz"}
    for body in ({"name": "cities", "fields": {"a": zzz}}, {"name": "cities", "renamed_from": "zzz", "fields": FIELDS}):
        assert "renamed_from" in str(details_of(admin.post("/resources", json=body)))
    for body in (
        {"name": "countries", "fields": FIELDS | {"a": zzz}},
        {"name": "countries", "fields": FIELDS | {"title": FIELDS["title"] | {"renamed_from": "zzz"}}},
        {"name": "countries", "renamed_from": "zzz", "fields": FIELDS},
    ):
        assert "zzz" in str(details_of(admin.put("/resources/countries", json=body)))
        assert "zzz" in str(details_of(admin.post("/resources/countries/plan", json=body)))
    answer = admin.put("/users/settings", json={"fields": {"team": zzz}})
    assert details_of(answer) == {
        "json": {"fields": {"team": {"renamed_from": ["A profile field has no such option."]}}}
    }
    assert admin.get("/resources/countries").json["data"]["version"] == 1


def test_a_reference_gets_the_caller_by_default(countries, alice):
    assert alice.make("countries", title="France")["owner"] == alice.id


def test_many_wrong_names_in_one_request_are_refused_without_a_search_for_each(countries, alice):
    answer = alice.get("/countries?" + "&".join(f"populatio{n}=x" for n in range(1_000)))
    assert 0 < len(suggestions(answer)) <= SEARCHES_OF_A_REQUEST
    assert len(details_of(answer)["query"]) == 1_000
    answer = alice.post("/countries", json={f"populatio{n}": 1 for n in range(1_000)})
    assert 0 < len(suggestions(answer)) <= SEARCHES_OF_A_REQUEST
    answer = alice.get("/countries?fields=" + ",".join(f"populatio{n}" for n in range(1_000)))
    assert 0 < len(suggestions(answer)) <= SEARCHES_OF_A_REQUEST
    assert suggestions(alice.get("/countries?titel=x")) == ["title"]
