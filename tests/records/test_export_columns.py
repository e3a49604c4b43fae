"""Columns and separators of exported CSV files, which are imported again unchanged."""

import csv
import io

import pytest

from backend import create_app
from tests.conftest import ON_SQLITE
from tests.helpers import details_of, load, outcome
from tests.parts import geo

ACCESS = {action: ["member"] for action in ("list", "read", "create", "update")}
NASTY = ["", "a;b", 'a"b', "=1", "a,b", "\\N", "x\ny", " "]


@pytest.fixture
def cities(admin):
    """Cities of countries of continents; alice may read all of it but the secret of countries."""
    admin.declare("continents", {"name": {"type": "string", "unique": True}}, access=ACCESS)
    country = {
        "code": {"type": "string", "unique": True},
        "secret": {"type": "string", "readable_by": ["admin"]},
        "continent": {"type": "reference", "to": "continents"},
    }
    admin.declare("countries", country, access=ACCESS)
    city = {
        "name": {"type": "string"},
        "note": {"type": "string", "default": "-"},
        "country": {"type": "reference", "to": "countries"},
        "mayor": {"type": "reference", "to": "users"},
    }
    admin.declare("cities", city, access=ACCESS)
    continent = admin.make("continents", name="Europe")
    germany = admin.make("countries", code="DE", secret="s", continent=continent["id"])
    admin.make("countries", code="XX")
    for number, text in enumerate(NASTY):
        admin.make("cities", name=text, note=None if number else "", country=germany["id"] if number else None)


def export(person, **query):
    return person.get("/cities/export", query_string={"sort": "created_at"} | query)


def rows(answer, delimiter=","):
    assert answer.status_code == 200, answer.json
    return [*csv.reader(io.StringIO(answer.data.decode("utf-8-sig"), newline=""), delimiter=delimiter)]


def test_columns_lead_through_references(cities, alice):
    found = rows(export(alice, columns="name,country.code,country.continent.name,country"))
    assert found[0] == ["name", "country.code", "country.continent.name", "country"]
    assert found[1] == ["", "", "", ""]
    assert found[2][:3] == ["a;b", "DE", "Europe"]
    assert len(found[2][3]) == 36
    assert len(found) == len(NASTY) + 1


@pytest.mark.parametrize("delimiter", [",", ";", "tab", "|"])
def test_what_was_exported_is_imported_unchanged(cities, admin, delimiter):
    query = {"columns": "name,note,country.code", "delimiter": delimiter}
    before = export(admin, **query).data
    for record in admin.get("/cities?per_page=100").json["data"]:
        admin.delete(f"/cities/{record['id']}")
    report = load(admin, before, resource="cities", delimiter=delimiter)
    assert outcome(report) == (len(NASTY), len(NASTY), 0, 0)
    assert export(admin, **query, sort="id").data == before


@ON_SQLITE
def test_what_may_not_be_read_is_no_column(cities, alice, admin):
    hidden = ("country.secret", "country.cities", "mayor.password_hash")
    for columns in ("nmae", *hidden, "country.code.x", "cities", "a..b", "."):
        answer = export(alice, columns=columns)
        assert answer.status_code == 422, columns
        assert list(details_of(answer)["query"]) == ["columns"]
        assert alice.send("HEAD", f"/cities/export?columns={columns}").status_code == 422
    assert rows(export(admin, columns="country.secret"))[2] == ["s"]
    (message,) = details_of(export(alice, columns="nmae"))["query"]["columns"]
    assert message == "There is no column nmae. Did you mean name?"


@ON_SQLITE
@pytest.mark.parametrize("delimiter", ['"', "a", "\\", "=", "''", "", "\n"])
def test_a_wrong_separator_is_refused(cities, alice, delimiter):
    answer = export(alice, delimiter=delimiter)
    assert answer.status_code == 422 or (delimiter == "" and answer.status_code == 200)


@ON_SQLITE
def test_columns_are_for_csv(cities, alice):
    assert details_of(export(alice, columns="name", format="ndjson"))["query"]["columns"]


@ON_SQLITE
def test_the_command_takes_both_and_refuses_workbooks(cities, settings, tmp_path):
    target = tmp_path / "cities.csv"
    geo.run(settings, "records", "export", "cities", target, "--columns", "name,country.code", "--delimiter", ";")
    assert target.read_text(encoding="utf-8-sig").splitlines()[:2] == ["name;country.code", '"";']
    arguments = ["records", "export", "cities", str(tmp_path / "out.xlsx")]
    result = create_app(settings).test_cli_runner().invoke(args=arguments)
    assert result.exit_code == 2
    assert "Larder writes CSV and NDJSON. Name the file out.csv." in result.output
    assert not (tmp_path / "out.xlsx").exists()
