"""The example with its 34,006 cities: what the API answers is what plain Python makes of the CSV files."""

import pytest

from backend import create_app
from backend.config.settings import Settings
from backend.models.database import database
from tests.conftest import CHEAP, SECRET_KEY, Person
from tests.parts import geo


@pytest.fixture(scope="module")
def visitor(geo_url, tmp_path_factory):
    """Somebody who is not signed in, at an app with the example in it."""
    folder = tmp_path_factory.mktemp("geo_app")
    yield Person(create_app(Settings(data_dir=folder, database_url=geo_url, secret_key=SECRET_KEY, **CHEAP)))
    database.close_all()


@pytest.fixture(scope="module")
def ids(visitor):
    """The ids of the countries by their code."""
    answer = visitor.get("/countries", query_string={"per_page": 200, "fields": "id,code"}).json
    rest = visitor.get("/countries", query_string={"per_page": 200, "fields": "id,code", "page": 2}).json
    return {country["code"]: country["id"] for country in answer["data"] + rest["data"]}


def cities_of(code):
    return [row for row in geo.rows("cities") if row["country_code"] == code]


def by_population(row):
    """Sort key: the most populous first; what is alike stays in the order of the file, as by `id`."""
    return -int(row["population"])


def by_code_points(text):
    """Sort key of a text as the databases compare it: by its bytes in UTF-8."""
    return text.encode()


@pytest.mark.parametrize(("resource", "total"), [("continents", 7), ("countries", 252), ("cities", 34_006)])
def test_holds_every_line_of_the_files(visitor, resource, total):
    assert len(geo.rows(resource)) == total
    assert visitor.get(f"/{resource}").json["meta"]["total"] == total


@pytest.mark.parametrize("code", ["DE", "BR", "JP"])
def test_finds_the_ten_most_populous_cities_of_a_country(visitor, ids, code):
    query = {"country": ids[code], "sort": "-population", "per_page": 10}
    answer = visitor.get("/cities", query_string=query).json
    expected = sorted(cities_of(code), key=by_population)[:10]
    assert [city["name"] for city in answer["data"]] == [row["name"] for row in expected]
    assert [city["population"] for city in answer["data"]] == [int(row["population"]) for row in expected]


def test_keeps_every_value_of_a_city(visitor, ids):
    for row in geo.rows("cities")[::5000]:
        (city,) = visitor.get("/cities", query_string={"geonameid": row["geonameid"]}).json["data"]
        assert city["country"] == ids[row["country_code"]]
        assert (city["name"], city["timezone"]) == (row["name"], row["timezone"])
        numbers = city["population"], city["latitude"], city["longitude"]
        assert numbers == (int(row["population"]), float(row["latitude"]), float(row["longitude"]))


def test_counts_what_a_filter_leaves(visitor, ids):
    query = {"country": ids["IN"], "population__gte": 500_000, "population__lt": 1_000_000}
    expected = [row for row in cities_of("IN") if 500_000 <= int(row["population"]) < 1_000_000]
    assert len(expected) > 20
    assert visitor.get("/cities", query_string=query).json["meta"]["total"] == len(expected)


def test_sorts_all_cities_and_cuts_a_page_from_the_middle(visitor):
    query = {"sort": "-population,name", "page": 37, "per_page": 50}
    answer = visitor.get("/cities", query_string=query).json
    ordered = sorted(geo.rows("cities"), key=lambda row: (by_population(row), by_code_points(row["name"])))
    expected = [int(row["geonameid"]) for row in ordered[36 * 50 : 37 * 50]]
    assert [city["geonameid"] for city in answer["data"]] == expected
    assert answer["meta"]["pages"] == 681


def test_sorts_texts_by_code_points(visitor):
    answer = visitor.get("/cities", query_string={"sort": "-name", "per_page": 20}).json
    expected = sorted((row["name"] for row in geo.rows("cities")), key=by_code_points, reverse=True)[:20]
    assert not expected[-1].isascii()
    assert [city["name"] for city in answer["data"]] == expected


@pytest.mark.parametrize("part", ["ÖL", "são", "Çay", "ŁÓ"])
def test_searches_part_of_a_name_in_any_case_beyond_ascii(visitor, part):
    query = {"name__icontains": part, "population__gt": 20_000, "latitude__lt": 56, "sort": "id", "per_page": 200}
    answer = visitor.get("/cities", query_string=query).json
    expected = [
        row["name"]
        for row in geo.rows("cities")
        if part.lower() in row["name"].lower() and int(row["population"]) > 20_000 and float(row["latitude"]) < 56
    ]
    assert expected
    assert [city["name"] for city in answer["data"]] == expected


def test_combines_a_list_of_values_with_other_filters(visitor, ids):
    codes = ("CH", "AT", "LI")
    query = {"country__in": ",".join(ids[code] for code in codes), "name__startswith": "B", "per_page": 200}
    answer = visitor.get("/cities", query_string=query).json
    rows = [row for row in geo.rows("cities") if row["country_code"] in codes and row["name"].startswith("B")]
    assert [city["name"] for city in answer["data"]] == [row["name"] for row in rows]


def test_distinguishes_a_missing_value_from_zero(visitor):
    rows = geo.rows("countries")
    capitals = visitor.get("/countries", query_string={"capital__isnull": "true"}).json["meta"]["total"]
    assert capitals == sum(row["capital"] == "" for row in rows) > 0
    nobody = visitor.get("/countries", query_string={"population": 0}).json["meta"]["total"]
    assert nobody == sum(row["population"] == "0" for row in rows) > 0


def test_pages_through_all_cities_of_a_country_by_cursor(visitor, ids):
    query = {"country": ids["FR"], "sort": "name", "per_page": 101, "fields": "geonameid"}
    walked, cursor = [], None
    while cursor is not None or not walked:
        page = visitor.get("/cities", query_string=query | ({"cursor": cursor} if cursor else {})).json
        walked += page["data"]
        cursor = page["meta"]["next_cursor"]
    expected = sorted(cities_of("FR"), key=lambda row: by_code_points(row["name"]))
    assert walked == [{"geonameid": int(row["geonameid"])} for row in expected]


def test_returns_the_chosen_fields_in_the_chosen_order(visitor):
    answer = visitor.get("/countries", query_string={"code": "PT", "fields": "population,name,area_km2"})
    (row,) = (row for row in geo.rows("countries") if row["code"] == "PT")
    chosen = {"population": int(row["population"]), "name": row["name"], "area_km2": float(row["area_km2"])}
    assert answer.json["data"] == [chosen]
    assert list(answer.json["data"][0]) == ["population", "name", "area_km2"]
