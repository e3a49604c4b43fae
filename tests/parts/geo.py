"""The example in examples/geo: load it as a user does, and read its CSV files without code of Larder."""

import csv
from functools import cache
from pathlib import Path

from backend import create_app

FOLDER = Path(__file__).parents[2] / "examples" / "geo"
RESOURCES = ("continents", "countries", "cities")  # in the order in which they refer to each other


def load(settings):
    """Load the example into the migrated database of the settings, with the commands of the README."""
    run(settings, "resources", "apply", FOLDER / "resources.yml")
    for resource in RESOURCES:
        run(settings, "records", "import", resource, FOLDER / f"{resource}.csv")


@cache
def rows(resource):
    """Return the lines of a CSV file as dicts of texts, in the order of the file."""
    with open(FOLDER / f"{resource}.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def run(settings, *arguments):
    """Run a command of `flask` on the database of the settings."""
    # Every command has an app of its own, as it has a process of its own for a user.
    result = create_app(settings).test_cli_runner().invoke(args=[str(each) for each in arguments])
    assert result.exit_code == 0, result.output
