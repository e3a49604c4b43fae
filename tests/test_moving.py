"""The example, exported from one database and applied to an empty server on the other, gives the same answers."""

import pytest

from backend import create_app
from backend.config.settings import Settings
from backend.models.database import database
from tests import geo
from tests.conftest import CHEAP, SECRET_KEY, Person, database_copy

OTHER = {"sqlite": "postgres", "postgres": "sqlite"}
QUERIES = [
    *("/continents", "/continents?sort=-name", "/continents?code=EU", "/continents?expand=countries&per_page=2"),
    *("/countries", "/countries?page=5", "/countries?sort=-population", "/countries?sort=capital&per_page=50"),
    *("/countries?capital__isnull=true", "/countries?area_km2__lt=1", "/countries?population__gte=100000000"),
    *("/countries?code__in=DE,FR,XX", "/countries?code__in=", "/countries?currency_code=EUR&sort=name&per_page=100"),
    *("/countries?name__icontains=ISLAND", "/countries?name__startswith=S", "/countries?languages__contains=,de"),
    *("/countries?tld__ne=.de&count=false", "/countries?fields=code,name", "/countries?fields=iso3&sort=iso3"),
    *(
        "/countries?expand=continent&per_page=5",
        "/countries?name__gt=V&sort=name",
        "/countries?created_at__gt=2020-01-01T00:00:00Z",
    ),
    *("/countries?q=united&sort=name", "/countries?q=sao&sort=code", "/countries?q=zzz", "/countries?area_km2=468"),
    *("/cities?sort=-population", "/cities?sort=name&page=100", "/cities?sort=-name,population&per_page=50"),
    *(
        "/cities?name=Berlin",
        "/cities?name__icontains=münch",
        "/cities?name__startswith=São&sort=name",
        "/cities?population=0",
    ),
    *("/cities?latitude__gt=65&sort=latitude", "/cities?longitude__lte=-170", "/cities?population__isnull=true"),
    *(
        "/cities?timezone=Europe/Berlin&sort=-population&per_page=100",
        "/cities?geonameid=2950159",
        "/cities?q=new york&sort=name",
    ),
    *("/cities?q=orleans&sort=geonameid", "/cities?expand=country.continent&sort=geonameid&per_page=3"),
    *("/cities?timezone__in=Asia/Tokyo,Asia/Seoul&sort=name&page=2", "/cities?sort=longitude&fields=name,longitude"),
    *(
        "/cities/aggregate?group_by=country&sort=-count&sum=population&max=population",
        "/cities/aggregate?sum=population,geonameid",
    ),
    *(
        "/cities/aggregate?group_by=timezone&min=latitude&max=latitude&per_page=200",
        "/cities/aggregate?q=san&avg=population",
    ),
    *(
        "/countries/aggregate?group_by=continent,currency_code&avg=population&min=name",
        "/cities/export?format=ndjson&name__startswith=Z",
    ),
    *("/countries/export?sort=name", "/cities/export?timezone=Europe/Rome&sort=-population", "/cities?nope=1"),
    *("/countries/aggregate?group_by=tld&per_page=5&page=3", "/cities?sort=population&per_page=200"),
]


@pytest.fixture
def moved(request, geo_url, tmp_path):
    """(The example, the same on the other kind of database), each as somebody who is not signed in."""
    here, there = tmp_path / "here", tmp_path / "there"
    kind = OTHER[request.node.callspec.params["geo_url"]]
    for folder in (here, there):
        folder.mkdir()
    first = Settings(data_dir=here, database_url=geo_url, secret_key=SECRET_KEY, **CHEAP)
    geo.run(first, "resources", "export", here / "resources.yml")
    for resource in geo.RESOURCES:
        geo.run(first, "records", "export", resource, here / f"{resource}.csv")
    answers = [_answers(Person(create_app(first)))]
    with database_copy(request, request.getfixturevalue(f"{kind}_template"), there) as url:
        second = Settings(data_dir=there, database_url=url, secret_key=SECRET_KEY, **CHEAP)
        geo.run(second, "resources", "apply", here / "resources.yml")
        for resource in geo.RESOURCES:
            geo.run(second, "records", "import", resource, here / f"{resource}.csv")
        yield answers[0], _answers(Person(create_app(second)))
        database.close_all()


def _answers(person):
    """Return {query: (status, what was answered, without the moment of it)}."""
    found = {}
    for query in QUERIES:
        answer = person.get(query)
        told = answer.json if answer.is_json else answer.text
        if isinstance(told, dict):
            told.pop("timestamp")
            told.get("meta", {}).pop("next_cursor", None)  # signed, with values in the words of its database
        found[query] = (answer.status_code, told)
    database.close_all()
    return found


def test_the_answers_are_the_same(moved):
    before, after = moved
    assert len(before) >= 50
    assert {query for query in before if before[query] != after[query]} == set()
    assert sum(status == 200 for status, _ in after.values()) == len(QUERIES) - 1
