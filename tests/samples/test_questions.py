"""35 questions about four sample databases: what one request answers is what SQL finds in the same rows."""

import json
import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from backend.models.database import database
from backend.models.links import links_table
from tests.helpers import NDJSON, load, outcome
from tests.samples import data

FOLDER = Path(__file__).parent
QUESTIONS = yaml.safe_load((FOLDER / "questions.yml").read_text())
FEWEST = 32  # that one request must answer
NUMBER = re.compile(r"-?\d+(\.\d+)?")


def test_one_request_answers_almost_every_question():
    questions = [each for sample in QUESTIONS.values() for each in sample]
    assert len(questions) == 35
    assert len([each for each in questions if "takes" not in each]) >= FEWEST


@pytest.mark.parametrize("sample", QUESTIONS)
def test_an_answer_is_what_sql_finds(admin, alice, database_url, sample):
    fill(admin, sample)
    cents = "/ 100.0" if database_url.startswith("sqlite") else ""  # SQLite stores decimals as numbers of cents
    differences = {}
    for each in QUESTIONS[sample]:
        if "takes" in each:
            continue
        found, expected = answer(alice, each), select(each["sql"], cents)
        if found != expected or not found:
            differences[each["question"]] = (found, expected)
    assert differences == {}


def fill(admin, sample):
    """Declare the resources of a sample and import its rows."""
    document = yaml.safe_load((FOLDER / f"{sample}.yml").read_text())
    users = {user["name"].lower(): user["id"] for user in admin.get("/users").json["data"]}
    rows = data.stories(users) if sample == "stories" else getattr(data, sample)()
    assert list(document["resources"]) == list(rows)
    for name, definition in document["resources"].items():
        admin.declare(name, **definition)
        lines = "\n".join(map(json.dumps, rows[name]))
        count = len(rows[name])
        assert outcome(load(admin, lines, NDJSON, name)) == (count, count, 0, 0)


def answer(person, question):
    """Ask a question; return the asked parts of each item of the answer, or the error."""
    params = question["with"]
    query = {name: json.dumps(value) if isinstance(value, dict | bool) else value for name, value in params.items()}
    response = person.get(question["get"], query_string=query)
    if response.status_code != 200:
        return response.json["error"]
    return [[plain(part(item, path)) for path in question["columns"]] for item in response.json["data"]]


def part(item, path):
    """Return a part of an item: by its name, or by the names on the way to it."""
    if path.startswith("len("):
        return len(item[path[4:-1]])
    while item is not None and path not in item:
        name, _, path = path.partition(".")
        item = item[name]
    return item and item[path]


def select(sql, cents):
    """Return the rows that SQL finds: `{films.categories}` in it is the table of the links of a field."""
    sql = re.sub(r"{(\w+)\.(\w+)}", lambda field: links_table(*field.groups()), sql.replace("{cents}", cents))
    with database.connection_context():
        return [[plain(value) for value in row] for row in database.execute_sql(sql).fetchall()]


def plain(value):
    """Return a value in one form for both databases and JSON: numbers rounded, days as text."""
    if isinstance(value, str) and NUMBER.fullmatch(value):
        value = Decimal(value)
    if isinstance(value, int | float | Decimal):
        return round(float(value), 4)
    return value.isoformat() if isinstance(value, date) else value
