"""`expand`: related records in one answer, each level under its own grants."""

import pytest

from backend.services.storage.counts import count_limit
from tests.conftest import ON_SQLITE
from tests.field_types.contract import check_answer
from tests.helpers import READABLE, details_of

NAMED = {"name": {"type": "string"}}
COUNTRIES = NAMED | {"continent": {"type": "reference", "to": "continents"}}
CITIES = NAMED | {"country": {"type": "reference", "to": "countries"}}


@pytest.fixture
def world(admin):
    """Europe with France and Spain, Asia with no country, and cities of France; ids by name."""
    admin.declare("continents", NAMED, access=READABLE)
    admin.declare("countries", COUNTRIES, access=READABLE)
    admin.declare("cities", CITIES, access=READABLE)
    made = {name: admin.make("continents", name=name)["id"] for name in ("Europe", "Asia")}
    for name in ("France", "Spain"):
        made[name] = admin.make("countries", name=name, continent=made["Europe"])["id"]
    made["Nowhere"] = admin.make("countries", name="Nowhere")["id"]
    for name in ("Paris", "Lyon"):
        made[name] = admin.make("cities", name=name, country=made["France"])["id"]
    return made


def get(person, path):
    """Return the data of an answer."""
    response = person.get(path)
    assert response.status_code == 200, response.json
    return response.json["data"]


def names(records):
    return [record["name"] for record in records]


def refused(person, path):
    """Return what a 422 says about `expand`."""
    response = person.get(path)
    assert response.status_code == 422, response.json
    return details_of(response)["query"]["expand"][0]


def change_access(admin, name, fields, access):
    assert admin.put(f"/resources/{name}", json={"fields": fields, "access": access}).status_code == 200


def test_a_reference_is_followed_from_lists_and_single_records(world, stranger):
    listed = get(stranger, "/countries?expand=continent&sort=name")
    assert [country["expand"]["continent"] and country["expand"]["continent"]["name"] for country in listed] == [
        "Europe",
        None,
        "Europe",
    ]
    assert listed[0]["expand"]["continent"] == get(stranger, f"/continents/{world['Europe']}")
    assert get(stranger, f"/countries/{world['France']}?expand=continent") == listed[0]


def test_records_that_refer_to_one_come_as_a_page(world, stranger):
    listed = get(stranger, "/countries?expand=cities&sort=name")
    assert [names(country["expand"]["cities"]["data"]) for country in listed] == [["Paris", "Lyon"], [], []]
    assert listed[0]["expand"]["cities"]["next_cursor"] is None
    assert get(stranger, "/countries?expand=cities__country&sort=name")[0]["expand"] == {
        "cities__country": listed[0]["expand"]["cities"]
    }


def test_expansions_may_have_two_levels_in_either_direction(world, stranger):
    (paris,) = get(stranger, "/cities?name=Paris&expand=country.continent")
    assert paris["expand"]["country"]["expand"]["continent"]["name"] == "Europe"
    europe = get(stranger, f"/continents/{world['Europe']}?expand=countries.cities")
    france, spain = europe["expand"]["countries"]["data"]
    assert (names(france["expand"]["cities"]["data"]), spain["expand"]["cities"]["data"]) == (["Paris", "Lyon"], [])
    (country,) = get(stranger, "/countries?name=France&expand=cities,continent.countries")
    assert names(country["expand"]["continent"]["expand"]["countries"]["data"]) == ["France", "Spain"]
    assert names(country["expand"]["cities"]["data"]) == ["Paris", "Lyon"]


def test_expanding_needs_none_of_the_fields_in_the_answer(world, stranger):
    (paris,) = get(stranger, "/cities?name=Paris&fields=name&expand=country")
    assert (sorted(paris), paris["expand"]["country"]["name"]) == (["expand", "name"], "France")


def test_a_page_of_referring_records_continues_in_their_own_list(world, admin, stranger):
    for i in range(23):
        admin.make("cities", name=f"C{i:02}", country=world["Spain"])
    spain = get(stranger, f"/countries/{world['Spain']}?expand=cities")
    page = spain["expand"]["cities"]
    assert names(page["data"]) == [f"C{i:02}" for i in range(20)]
    rest = stranger.get(f"/cities?country={world['Spain']}&cursor={page['next_cursor']}").json
    assert (names(rest["data"]), rest["meta"]["next_cursor"]) == (["C20", "C21", "C22"], None)


def test_a_target_that_is_hidden_looks_like_none(world, admin, alice, bob):
    change_access(admin, "continents", NAMED, {"read": ["owner"], "create": ["member"]})
    hers = alice.make("continents", name="Atlantis")["id"]
    admin.make("countries", name="Isle", continent=hers)
    listed = {country["name"]: country["expand"]["continent"] for country in get(bob, "/countries?expand=continent")}
    assert listed == {"France": None, "Spain": None, "Nowhere": None, "Isle": None}
    (isle,) = get(alice, "/countries?name=Isle&expand=continent")
    assert isle["expand"]["continent"]["name"] == "Atlantis"


def test_each_level_keeps_to_its_own_row_rules(world, admin, stranger):
    rule = [{"role": "public", "where": {"name": {"ne": "Lyon"}}}]
    change_access(admin, "cities", CITIES, {"list": rule, "read": rule})
    (france,) = get(stranger, "/countries?name=France&expand=cities")
    assert names(france["expand"]["cities"]["data"]) == ["Paris"]
    europe = get(stranger, f"/continents/{world['Europe']}?expand=countries.cities")
    assert names(europe["expand"]["countries"]["data"][0]["expand"]["cities"]["data"]) == ["Paris"]


def test_a_relation_to_records_that_the_caller_may_not_read_is_unknown(world, admin, stranger):
    change_access(admin, "cities", CITIES, {"list": ["member"], "read": ["public"]})
    change_access(admin, "continents", NAMED, {"list": ["public"], "read": ["member"]})
    for hidden in ("cities", "continent"):
        message = refused(stranger, f"/countries?expand={hidden}")
        assert message == refused(stranger, "/countries?expand=nope").replace("nope", hidden)
    assert get(admin, "/countries?expand=cities,continent")


@ON_SQLITE
def test_refuses_expansions_that_make_no_sense(world, stranger):
    for query in (
        "name",
        "id",
        "country",
        "continent.nope",
        "continent.countries.cities",
        ".",
        "continent.",
        "cities,",
    ):
        refused(stranger, f"/countries?expand={query}")
        refused(stranger, f"/countries/{world['France']}?expand={query}")
    for query in ("", "continent,continent", ",".join(f"x{i}" for i in range(9))):
        refused(stranger, f"/countries?expand={query}")
    assert stranger.get(f"/countries/{world['France']}?fields=name").status_code == 422
    assert stranger.get(f"/countries/{world['France']}?nope=1").status_code == 422


@ON_SQLITE
def test_the_number_of_expanded_records_is_limited(world, stranger):
    message = refused(stranger, "/continents?per_page=200&expand=countries.cities")
    assert "at most 23" in message
    assert stranger.get("/continents?per_page=23&expand=countries.cities").status_code == 200
    assert stranger.get("/continents?per_page=200&expand=countries").status_code == 200


def test_every_expansion_takes_one_query(world, admin, stranger, caplog):
    for name in ("France", "Spain") * 5:
        admin.make("cities", name=name, country=world[name])
    counts = []
    for path in ("/continents", "/continents", "/continents?expand=countries.cities,countries.continent"):
        caplog.clear()
        with caplog.at_level("DEBUG", logger="peewee"):
            stranger.get(path)
        counts.append(len(caplog.records))
    assert counts[2] == counts[1] + 3 > 3


def test_two_references_to_one_resource_are_distinguished(admin, stranger):
    admin.declare("people", NAMED, access=READABLE)
    person = {"type": "reference", "to": "people"}
    admin.declare("letters", NAMED | {"sender": person, "receiver": person}, access=READABLE)
    ann, ben = (admin.make("people", name=name)["id"] for name in ("Ann", "Ben"))
    admin.make("letters", name="Hello", sender=ann, receiver=ben)
    shown = get(stranger, f"/people/{ann}?expand=letters__sender.receiver,letters__receiver")["expand"]
    (hello,) = shown["letters__sender"]["data"]
    assert (hello["expand"]["receiver"]["name"], shown["letters__receiver"]["data"]) == ("Ben", [])
    refused(stranger, f"/people/{ann}?expand=letters")


def test_a_tree_is_followed_up_and_down(admin, stranger):
    admin.declare("folders", NAMED | {"parent": {"type": "reference", "to": "folders"}}, access=READABLE)
    root = admin.make("folders", name="root")["id"]
    admin.make("folders", name="child", parent=root)
    child, top = get(stranger, "/folders?sort=name&expand=parent,folders")
    assert (child["expand"]["parent"]["name"], child["expand"]["folders"]["data"]) == ("root", [])
    assert (top["expand"]["parent"], names(top["expand"]["folders"]["data"])) == (None, ["child"])


def test_an_expanded_record_is_never_answered_as_unchanged(world, admin, stranger):
    path = f"/countries/{world['France']}?expand=continent"
    etag = stranger.get(path).headers["ETag"]
    answer = stranger.get(path, headers={"If-None-Match": etag})
    assert (answer.status_code, answer.headers["ETag"]) == (200, etag)


def test_responses_match_the_document(world, stranger):
    document = stranger.get("http://localhost/openapi.json").json
    check_answer(document, "list_countries", stranger.get("/countries?expand=cities,continent.countries&fields=name"))
    check_answer(document, "get_country", stranger.get(f"/countries/{world['France']}?expand=cities,continent"))
    path = "/countries?expand=cities&expand.cities.fields=name&expand.cities.count=true"
    check_answer(document, "list_countries", stranger.get(path))
    described = document["components"]["schemas"]["Country"]["properties"]["expand"]
    assert sorted(described["properties"]) == ["cities", "cities__country", "continent"]


TOWNS = CITIES | {"size": {"type": "integer", "index": True}, "founded": {"type": "date"}}
SIZES = {"Paris": 5, "Lyon": 2, "Nice": None, "Lille": 2, "Brest": 1, "Metz": None}


@pytest.fixture
def towns(admin):
    """Towns of France by SIZES, one of Spain, and countries of a continent; ids by name."""
    admin.declare("continents", NAMED, access=READABLE)
    admin.declare("countries", COUNTRIES, access=READABLE)
    admin.declare("towns", TOWNS, access=READABLE, indexes=[["country", "size"]])
    made = {"Europe": admin.make("continents", name="Europe")["id"]}
    for name in ("France", "Spain", "Malta"):
        made[name] = admin.make("countries", name=name, continent=made["Europe"])["id"]
    for i, (name, size) in enumerate(SIZES.items()):
        admin.make("towns", name=name, country=made["France"], size=size, founded=f"19{i:02}-01-01")
    admin.make("towns", name="Vigo", country=made["Spain"], size=3)
    return made


def test_related_records_are_sorted_and_limited(towns, stranger):
    expected = {
        "sort=-size,name": ["Paris", "Lille", "Lyon", "Brest", "Metz", "Nice"],
        "sort=size,-name": ["Brest", "Lyon", "Lille", "Paris", "Nice", "Metz"],
        "sort=size": ["Brest", "Lyon", "Lille", "Paris", "Nice", "Metz"],
        "sort=-name": ["Paris", "Nice", "Metz", "Lyon", "Lille", "Brest"],
        "sort=-id": ["Metz", "Brest", "Lille", "Nice", "Lyon", "Paris"],
        "sort=-founded&expand.towns.per_page=2": ["Metz", "Brest"],
        "per_page=3": ["Paris", "Lyon", "Nice"],
        "per_page=100": list(SIZES),
    }
    for options, listed in expected.items():
        path = f"/countries?sort=-name&expand=towns&expand.towns.{options}"
        spain, malta, france = get(stranger, path)
        found = [names(each["expand"]["towns"]["data"]) for each in (france, spain, malta)]
        assert found == [listed, ["Vigo"], []], options
        own = get(stranger, f"/countries/{towns['France']}?expand=towns&expand.towns.{options}")
        assert own["expand"] == france["expand"], options


def test_the_cursor_of_related_records_continues_their_list(towns, stranger):
    where = '{"size": {"isnull": false}}'
    for sort in ("-size,name", "size,-name", "size", "-founded", "name", ""):
        for chosen in ({}, {"where": where}):
            options = ({"sort": sort} if sort else {}) | chosen
            asked = {f"expand.towns.{name}": value for name, value in options.items()}
            query = {"expand": "towns", "expand.towns.per_page": 1, **asked}
            country = stranger.get(f"/countries/{towns['France']}", query_string=query).json["data"]
            page, found = country["expand"]["towns"], []
            whole = stranger.get("/towns", query_string={"country": towns["France"], **options}).json["data"]
            while True:
                found += names(page["data"])
                if page["next_cursor"] is None:
                    break
                following = {"country": towns["France"], **options, "cursor": page["next_cursor"], "per_page": 2}
                answer = stranger.get("/towns", query_string=following).json
                page = {"data": answer["data"], "next_cursor": answer["meta"]["next_cursor"]}
            assert found == names(whole), options
            assert len(found) == (4 if chosen else 6)
    query = {"expand": "towns", "expand.towns.per_page": 1, "expand.towns.sort": "size"}
    page = stranger.get(f"/countries/{towns['France']}", query_string=query).json["data"]["expand"]["towns"]
    for other in ("", "&sort=-size", f"&sort=size&country={towns['Spain']}"):
        path = f"/towns?cursor={page['next_cursor']}{other or '&sort=name'}"
        assert stranger.get(path).status_code == 400


def test_related_records_are_chosen_by_conditions_and_fields(towns, stranger):
    where = '{"any": [{"size": {"gte": 3}}, {"country.name": "Malta"}, {"name": {"startswith": "L"}}]}'
    query = {"expand": "towns.country", "expand.towns.where": where, "expand.towns.sort": "name", "sort": "name"}
    query |= {"expand.towns.fields": "name,size", "expand.towns.country.fields": "name", "fields": "name"}
    france, malta, spain = stranger.get("/countries", query_string=query).json["data"]
    there = {"expand": {"country": {"name": "France"}}}
    assert france["expand"]["towns"]["data"] == [
        {"name": "Lille", "size": 2, **there},
        {"name": "Lyon", "size": 2, **there},
        {"name": "Paris", "size": 5, **there},
    ]
    assert [names(each["expand"]["towns"]["data"]) for each in (malta, spain)] == [[], ["Vigo"]]


def test_related_records_are_counted_on_demand(towns, admin, stranger):
    for where, counts in (("", [6, 0, 1]), ('{"size": {"gte": 2}}', [3, 0, 1])):
        query = {"expand": "towns", "expand.towns.count": "true", "expand.towns.per_page": 1, "sort": "name"}
        query |= {"expand.towns.where": where} if where else {}
        pages = [each["expand"]["towns"] for each in stranger.get("/countries", query_string=query).json["data"]]
        assert [page["total"] for page in pages] == counts
        assert [len(page["data"]) for page in pages] == [1, 0, 1]
    rule = [{"role": "public", "where": {"name": {"ne": "Lyon"}}}]
    change_access(admin, "towns", TOWNS, {"list": rule, "read": rule})
    path = f"/countries/{towns['France']}?expand=towns&expand.towns.count="
    assert get(stranger, f"{path}true")["expand"]["towns"]["total"] == 5
    assert "total" not in get(stranger, f"{path}false")["expand"]["towns"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(count_limit, "most", 4)
        towns = get(stranger, f"{path}true")["expand"]["towns"]
        assert (towns["total"], towns["total_is_at_least"]) == (None, 4)
    europe = get(
        stranger, "/continents?expand=countries.towns&expand.countries.count=true&expand.countries.towns.count=true"
    )
    assert europe[0]["expand"]["countries"]["total"] == 3
    assert [each["expand"]["towns"]["total"] for each in europe[0]["expand"]["countries"]["data"]] == [5, 1, 0]


def test_related_records_of_two_levels_have_options(towns, stranger):
    path = (
        f"/continents/{towns['Europe']}?expand=countries.towns&expand.countries.sort=-name&expand.countries.per_page=2"
    )
    page = get(stranger, f"{path}&expand.countries.towns.sort=-size&expand.countries.towns.per_page=1")["expand"][
        "countries"
    ]
    assert names(page["data"]) == ["Spain", "Malta"]
    assert [names(each["expand"]["towns"]["data"]) for each in page["data"]] == [["Vigo"], []]
    rest = get(stranger, f"/countries?continent={towns['Europe']}&sort=-name&cursor={page['next_cursor']}")
    assert names(rest) == ["France"]
    (town,) = get(stranger, "/towns?name=Vigo&expand=country.towns__country&expand.country.towns__country.fields=name")
    assert town["expand"]["country"]["expand"]["towns__country"]["data"] == [{"name": "Vigo"}]


def test_related_records_are_sorted_by_a_declared_path(admin, stranger):
    admin.declare("authors", NAMED | {"born": {"type": "integer", "readable_by": ["editor"]}}, access=READABLE)
    admin.declare("posts", NAMED, access=READABLE)
    comments = NAMED | {name: {"type": "reference", "to": f"{name}s"} for name in ("author", "post")}
    admin.declare("comments", comments, access=READABLE, filters=["author.name", "author.born"])
    authors = [admin.make("authors", name=name, born=5)["id"] for name in ("Ann", "Ben", "Cy")]
    post, other = (admin.make("posts", name=name)["id"] for name in ("one", "two"))
    for i, author in enumerate([authors[1], authors[0], None, authors[2], authors[1]]):
        admin.make("comments", name=str(i), author=author, post=post)
    admin.make("comments", name="x", author=authors[1], post=other)
    path = f"/posts/{post}?expand=comments&expand.comments.sort="
    assert names(get(stranger, f"{path}author.name,-name")["expand"]["comments"]["data"]) == [*"14032"]
    page = get(stranger, f"{path}-author.name,name&expand.comments.per_page=2")["expand"]["comments"]
    assert names(page["data"]) == ["3", "0"]
    assert set(page["data"][0]) == {"id", "created_at", "updated_at", "created_by", "version", *comments}
    query = f"/comments?post={post}&sort=-author.name,name&cursor={page['next_cursor']}"
    rest = get(stranger, query)
    assert (names(rest), set(rest[0])) == (["4", "1", "2"], set(page["data"][0]))
    hidden, missing = (stranger.get(f"{path}author.{name}") for name in ("born", "zzzz"))
    assert hidden.status_code == 422
    assert str(hidden.json["error"]).replace("born", "zzzz") == str(missing.json["error"])
    assert names(get(admin, f"{path}author.born,name")["expand"]["comments"]["data"]) == [*"01342"]


@ON_SQLITE
def test_options_of_related_records_are_checked(towns, admin, stranger):
    wrong = {
        "expand.towns.sort=name": "expand.towns.sort",
        "expand=towns&expand.towns.sort=zzzz": "expand.towns.sort",
        "expand=towns&expand.towns.sort=": "expand.towns.sort",
        "expand=towns&expand.towns.sort=name,-name": "expand.towns.sort",
        "expand=towns&expand.towns.per_page=0": "expand.towns.per_page",
        "expand=towns&expand.towns.per_page=101": "expand.towns.per_page",
        "expand=towns&expand.towns.per_page=1&expand.towns.per_page=2": "expand.towns.per_page",
        "expand=towns&expand.towns.fields=nope": "expand.towns.fields",
        "expand=towns&expand.towns.count=2": "expand.towns.count",
        "expand=continent&expand.continent.count=true": "expand.continent.count",
        "expand=towns&expand.towns.where=1": "expand.towns.where",
        'expand=towns&expand.towns.where={"nope":1}': "expand.towns.where",
        "expand=towns&expand.towns.nope=1": "expand.towns.nope",
        "expand=towns&expand.towns.country.sort=1": "expand.towns.country.sort",
        "expand=towns.country&expand.towns.country.sort=name": "expand.towns.country.sort",
        "expand=continent&expand.continent.per_page=1": "expand.continent.per_page",
        "expand=continent&expand.continent.fields=nope": "expand.continent.fields",
        "expand=towns&expand..sort=name": "expand..sort",
        "expand.path.option=1": "expand.path.option",
    }
    for query, parameter in wrong.items():
        answer = stranger.get(f"/countries?{query}")
        assert (answer.status_code, list(details_of(answer)["query"])) == (422, [parameter]), query
    assert stranger.get("/countries/export?expand.towns.sort=name").status_code == 422
    path = (
        "/continents?per_page=200&expand=countries.towns&expand.countries.per_page=4&expand.countries.towns.per_page="
    )
    assert stranger.get(f"{path}11").status_code == 200
    assert "at most 192" in refused(stranger, f"{path}12")


@ON_SQLITE
def test_options_of_related_records_tell_nothing_that_is_hidden(towns, admin, stranger, edith):
    hidden = TOWNS | {"size": {"type": "integer", "index": True, "readable_by": ["editor"]}}
    rule = [{"role": "public", "where": {"name": {"ne": "Lyon"}}}, "editor"]
    change_access(admin, "towns", hidden, {"list": rule, "read": rule})
    for options in ("sort=size", "fields=size", 'where={"size":{"gt":1}}'):
        answers = [
            stranger.get(f"/countries?expand=towns&expand.towns.{o}")
            for o in (options, options.replace("size", "nope"))
        ]
        assert {each.status_code for each in answers} == {422}
        assert str(answers[0].json["error"]).replace("size", "nope") == str(answers[1].json["error"]), options
        assert edith.get(f"/countries?expand=towns&expand.towns.{options}").status_code == 200, options
    (france,) = get(stranger, "/countries?name=France&expand=towns&expand.towns.sort=name")
    assert names(france["expand"]["towns"]["data"]) == ["Brest", "Lille", "Metz", "Nice", "Paris"]
    change_access(admin, "towns", hidden, {"list": ["member"], "read": ["public"]})
    document = stranger.get("http://localhost/openapi.json").json
    (described,) = [
        each
        for each in document["paths"]["/api/v1/countries"]["get"]["parameters"]
        if each["name"] == "expand.path.option"
    ]
    assert "towns" not in str(described)
    assert "continent" in described["schema"]["propertyNames"]["pattern"]
