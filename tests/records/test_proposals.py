"""Proposals: a file of records becomes a resource, and is imported into it without an edit."""

import re
import shlex

import pytest
import yaml

from backend import create_app
from backend.models.database import database
from tests.conftest import ON_SQLITE
from tests.helpers import CSV, NDJSON
from tests.parts import geo

LIBRARY = """Inventarnr.;Titel;Verfasser;Jahr;Preis (€);Seiten;Erworben am;Ausgeliehen;Bemerkung
0001;Der Zauberberg;Mann, Thomas;1924;1.234,50 €;1.006;03.04.2019;ja;
0002;"Die ''Blechtrommel''";Grass, Günter;1959;12,90 €;779;13.01.2020;nein;"zwei
Zeilen"
0003;Effi Briest;Fontane, Theodor;1896;7,00 €;384;01.02.2020;nein;Einband beschädigt
;;;;;;;;
""".replace("''", '""')
CLUB = "Member No,First Name,Last Name,E-Mail,Joined,Active,Fee paid,Group,Zip,Website\n" + "".join(
    f"{number},Ada{number},Lovelace,ada{number}@example.com,{number % 27 + 1:02}/{number % 12 + 1:02}/2020,"
    f"{'yes' if number % 3 else 'no'},{number}.50,{('Juniors', 'Seniors', 'Guests')[number % 3]},"
    f"0{number:04},https://example.com/~ada{number}\n"
    for number in range(1, 41)
)
PLACES = "id,Ort,Höhe,lat,lon,Einwohner,seit\n" + "".join(
    f"{number},Straße {number},{'NA' if number == 3 else 500 + number},48.1{number}371,11.{number}2,{number},"
    f"{'-' if number == 4 else f'2020-01-{number:02}'}\n"
    for number in range(1, 10)
)
FILES = {
    "Bücher.csv": LIBRARY.encode(),
    "club members.csv": CLUB.encode(),
    "orte.csv": PLACES.encode("latin-1"),
}
FIELDS = {
    "Bücher.csv": {
        "inventarnr": {"type": "string", "max_length": 10, "required": True, "unique": True},
        "titel": {"type": "string", "max_length": 50, "required": True},
        "verfasser": {"type": "string", "max_length": 20, "required": True},
        "jahr": {"type": "integer", "required": True},
        "preis": {"type": "decimal", "precision": 8, "scale": 2, "required": True},
        "seiten": {"type": "integer", "required": True},
        "erworben_am": {"type": "date", "required": True},
        "ausgeliehen": {"type": "boolean", "required": True},
        "bemerkung": {"type": "string", "max_length": 50},
    },
    "club members.csv": {
        "member_no": {"type": "integer", "required": True, "unique": True},
        "first_name": {"type": "string", "max_length": 10, "required": True},
        "last_name": {"type": "string", "max_length": 10, "required": True},
        "e_mail": {"type": "email", "required": True},
        "joined": {"type": "date", "required": True},
        "active": {"type": "boolean", "required": True},
        "fee_paid": {"type": "decimal", "precision": 6, "scale": 2, "required": True},
        "group": {"type": "enum", "choices": ["Guests", "Juniors", "Seniors"], "required": True},
        "zip": {"type": "string", "max_length": 10, "required": True},
        "website": {"type": "url", "required": True},
    },
    "orte.csv": {
        "orte_id": {"type": "integer", "required": True, "unique": True},
        "ort": {"type": "string", "max_length": 10, "required": True},
        "hohe": {"type": "integer"},
        "lat": {"type": "number", "required": True},
        "lon": {"type": "decimal", "precision": 6, "scale": 2, "required": True},
        "einwohner": {"type": "integer", "required": True},
        "seit": {"type": "date"},
    },
}
NAMES = {"Bücher.csv": "bucher", "club members.csv": "club_members", "orte.csv": "orte"}


@pytest.fixture
def run(settings):
    """A function that runs a command of a line, which begins with `flask`, and returns its output."""

    def invoke(line):
        arguments = shlex.split(line)[1:]
        result = create_app(settings).test_cli_runner().invoke(args=arguments)
        database.close_all()
        assert result.exit_code == 0, result.output
        return result.stdout

    return invoke


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_proposed_applied_and_imported_without_an_edit(run, tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(FILES[name])
    proposed = run(f"flask resources propose {shlex.quote(name)}")
    assert yaml.safe_load(proposed) == {"resources": {NAMES[name]: {"fields": FIELDS[name]}}}
    commands = re.findall(r"^# (flask .*)$", proposed, re.MULTILINE)
    (tmp_path / f"{NAMES[name]}.yml").write_text(proposed)
    for command in commands:
        output = run(command)
    rows = {"Bücher.csv": 3, "club members.csv": 40, "orte.csv": 9}[name]
    assert f"{rows} rows read, {rows} written, 0 bad." in output


def test_the_values_are_those_of_the_file(admin):
    proposal = post(admin, LIBRARY.encode(), name="Bücher")
    assert proposal["notes"] == []
    assert admin.post("/resources", json=proposal["definition"]).status_code == 201
    answer = admin.post(
        "/bucher/import", query_string=query(proposal["import"]), data=LIBRARY.encode(), content_type=CSV
    )
    assert answer.status_code == 200, answer.json
    first, second, _ = admin.get("/bucher?sort=inventarnr").json["data"]
    assert (first["preis"], first["erworben_am"], first["verfasser"]) == ("1234.50", "2019-04-03", "Mann, Thomas")
    assert (second["titel"], second["bemerkung"], first["bemerkung"]) == ('Die "Blechtrommel"', "zwei\nZeilen", None)


def post(person, content, kind=CSV, status=200, **options):
    answer = person.post("/resources/proposal", query_string=options, data=content, content_type=kind)
    assert answer.status_code == status, answer.json
    return answer.json["data"] if status == 200 else answer


def query(options):
    """Return the parameters of an import for the options of a proposal."""
    encoded = {True: "true"}
    return {
        name: [part.replace(",", "%2C") for part in value] if isinstance(value, list) else encoded.get(value, value)
        for name, value in options.items()
    }


@ON_SQLITE
@pytest.mark.parametrize("name", geo.RESOURCES[:2])
def test_the_example_is_proposed_and_imported(admin, name):
    content = (geo.FOLDER / f"{name}.csv").read_bytes()
    proposal = post(admin, content, name=f"{name}.csv".removesuffix(".csv"))
    assert admin.post("/resources", json=proposal["definition"]).status_code == 201
    answer = admin.post(f"/{name}/import", query_string=query(proposal["import"]), data=content, content_type=CSV)
    assert (answer.status_code, answer.json["data"]["created"]) == (200, proposal["rows"])


@ON_SQLITE
def test_json_keeps_its_types(admin):
    lines = b'{"a": 1, "b": true, "c": "2020-01-01", "d": [1], "e": 1.5}\n{"a":2, "b": null, "c":"2020-01-02", "e":2}'
    proposal = post(admin, lines, NDJSON, name="things")
    assert proposal["definition"] == {
        "name": "things",
        "fields": {
            "a": {"type": "integer", "required": True, "unique": True},
            "b": {"type": "boolean"},
            "c": {"type": "date", "required": True},
            "d": {"type": "json"},
            "e": {"type": "number", "required": True},
        },
    }
    assert admin.post("/resources", json=proposal["definition"]).status_code == 201
    answer = admin.post("/things/import", query_string=query(proposal["import"]), data=lines, content_type=NDJSON)
    assert (answer.status_code, answer.json["data"]["created"]) == (200, 2)


UNCLEAR = b'day,price\n1/2/2020,"1,234"\n3/4/2020,"5,678"\n'


@ON_SQLITE
def test_what_can_be_read_in_several_ways_stays_a_text_with_a_note(admin):
    proposal = post(admin, UNCLEAR, name="sales")
    assert {each["type"] for each in proposal["definition"]["fields"].values()} == {"string"}
    day, price = proposal["notes"]
    assert day.startswith("day: ")
    assert "1/2/2020" in day
    assert "date_format=dmy" in day
    assert "thousands=," in price
    decided = post(admin, UNCLEAR, name="sales", date_format="dmy", thousands=",")
    assert [each["type"] for each in decided["definition"]["fields"].values()] == ["date", "integer"]
    assert decided["notes"] == []
    pages = b"pages\n1.006\n779\n"
    assert "1.006" in post(admin, pages, name="books")["notes"][0]


@ON_SQLITE
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The file is empty. Its first line must name the columns."),
        (b"a,b\n", "The file has no rows."),
        (b"a,,b\n1,2,3\n", "Column 2 has no name in the first line. Name it, or delete the column."),
        (b"a,a\n1,2\n", "These columns are given twice: "),
        (b"a,b\n1\n", "Line 2: 1 cells instead of 2: some are missing."),
        (b"PK\x03\x04xl/", "Excel"),
    ],
)
def test_a_file_that_cannot_be_read_is_explained(admin, content, message):
    assert message in post(admin, content, status=422).json["error"]["message"]


@ON_SQLITE
def test_only_who_declares_resources_gets_proposals(alice, stranger):
    assert post(alice, b"a\n1\n", status=403)
    assert post(stranger, b"a\n1\n", status=401)


@ON_SQLITE
def test_names_are_made_valid_and_are_told_apart(admin):
    header = "id,sort,Full Name,full_name,2nd,名前,Preis €,Ñandú!\n"
    proposal = post(admin, (header + "1,2,3,4,5,6,7,8\n").encode(), name="users")
    assert [*proposal["definition"]["fields"]] == [
        *("users_list_id", "users_list_sort", "full_name", "full_name_4", "column_2nd", "column_6", "preis", "nandu"),
    ]
    assert admin.post("/resources", json=proposal["definition"]).status_code == 201
    answer = admin.post(
        "/users_list/import",
        query_string=query(proposal["import"]),
        data=(header + "1,2,3,4,5,6,7,8\n").encode(),
        content_type=CSV,
    )
    assert answer.status_code == 200, answer.json
    (record,) = admin.get("/users_list").json["data"]
    assert [record[name] for name in proposal["definition"]["fields"]] == [1, 2, 3, 4, 5, 6, 7, 8]
