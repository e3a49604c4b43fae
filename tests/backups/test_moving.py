"""The example gives the same answers wherever it was moved to: by exports to the other database, by a backup."""

import json
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from backend import create_app
from backend.config.settings import Settings
from backend.models.database import database
from tests.conftest import CHEAP, SECRET_KEY, Person, database_copy, with_database
from tests.parts import geo
from tests.parts.server import ROOT, environment, running_server

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
    answers = [_answers(first)]
    with database_copy(request, request.getfixturevalue(f"{kind}_template"), there) as url:
        second = Settings(data_dir=there, database_url=url, secret_key=SECRET_KEY, **CHEAP)
        geo.run(second, "resources", "apply", here / "resources.yml")
        for resource in geo.RESOURCES:
            geo.run(second, "records", "import", resource, here / f"{resource}.csv")
        yield answers[0], _answers(second)


def _answers(settings):
    """Return what the app of the settings answers to the queries."""
    person = Person(create_app(settings))
    answers = _contents(lambda query: (answer := person.get(query)) and (answer.status_code, answer.text))
    database.close_all()
    return answers


def _contents(get):
    """Return {query: (status, answer without its moment)}; `get(query)` returns (status, text)."""
    found = {}
    for query in QUERIES:
        status, text = get(query)
        content = json.loads(text) if text.startswith('{"success"') else text
        if isinstance(content, dict):
            content.pop("timestamp")
            content.get("meta", {}).pop("next_cursor", None)  # signed, with values in the words of its database
        found[query] = (status, content)
    return found


def test_responses_are_the_same_after_the_move(moved):
    before, after = moved
    assert len(before) >= 50
    assert {query for query in before if before[query] != after[query]} == set()
    assert sum(status == 200 for status, _ in after.values()) == len(QUERIES) - 1


@contextmanager
def empty_database(request, folder):
    """Yield the URL of a database, of the same kind as the example's, with nothing in it."""
    if request.node.callspec.params["geo_url"] == "sqlite":
        yield f"sqlite:///{folder / 'larder.db'}"
        return
    server_url, name = request.getfixturevalue("postgres_url"), f"larder_empty_{uuid.uuid4().hex}"
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        yield with_database(server_url, name)
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def backed_up(geo_url, tmp_path):
    """(The path of a backup of the example, the answers that its server gave)."""
    settings = Settings(data_dir=tmp_path / "here", database_url=geo_url, secret_key=SECRET_KEY, **CHEAP)
    geo.run(settings, "backup", "create")
    (path,) = settings.backup_dir.glob("*.zip")
    return path, _answers(settings)


def test_a_backup_restored_on_another_machine_gives_the_same_responses(request, backed_up, tmp_path):
    path, answers = backed_up
    there = tmp_path / "there"
    with empty_database(request, there) as url:
        settings = Settings(data_dir=there, database_url=url, secret_key=SECRET_KEY, **CHEAP)
        geo.run(settings, "backup", "restore", path)
        assert _answers(settings) == answers


MIGRATION = """
def up(migrator, db):
    db.execute_sql("ALTER TABLE larder_users ADD COLUMN nickname TEXT")
"""


def test_a_newer_version_restores_the_backup_and_migrates_it(request, backed_up, tmp_path):
    path, answers = backed_up
    newer, there = tmp_path / "newer", tmp_path / "there"
    newer.mkdir()
    # With what is compiled, but not with what is being written by another process.
    shutil.copytree(ROOT / "backend", newer / "backend", ignore=shutil.ignore_patterns("*.pyc.*"))
    shutil.copy(ROOT / "wsgi.py", newer)
    (newer / "backend/models/migrations/0099_nickname.py").write_text(MIGRATION)
    with empty_database(request, there) as url:
        settings = {"data_dir": there, "database_url": url, "secret_key": SECRET_KEY}
        restore = [Path(sys.executable).with_name("flask"), "backup", "restore", path]
        subprocess.run(restore, cwd=newer, env=environment(settings), check=True, capture_output=True)
        with running_server(there, root=newer, **settings) as address:
            assert _contents(lambda query: _fetch(address, query)) == answers


def _fetch(address, query):
    """Return (status, text) of what a server answers."""
    try:
        with urllib.request.urlopen(f"http://{address}/api/v1{quote(query, safe='/?=&,.:')}") as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
