"""Commands whose n-th statement fails say so in one line, without a traceback."""

from itertools import count

import pytest

from backend.models.database import database
from tests.parts.failing_statements import TEMPORARY, failing, wired


@pytest.fixture(autouse=True)
def wired_app(app):
    """An app with statements that can be made to fail."""
    with wired(database.obj):
        yield


def each_failure(run, *arguments, fault=0):
    """Yield (exit code, output) of a command for each of its statements that fails, by a fault of TEMPORARY."""
    for n in count(1):
        with failing(n, TEMPORARY[database.name][fault]) as failed:
            result = run(*arguments)
        if not failed:
            assert n > 1
            return
        yield result


@pytest.mark.parametrize("fault", [0, -1])
@pytest.mark.parametrize("name", ["upgrade", "status"])
def test_says_that_the_database_cannot_do_it_now(run, name, fault):
    results = list(each_failure(run, "db", name, fault=fault))
    said = [output for code, output in results if code]  # others waited for the lock, and were tried again
    assert said
    for output in said:
        assert output.startswith("Error: The database cannot do this now: ")
        assert output.count("\n") == 1


def test_the_doctor_reports_the_failure_and_goes_on(run):
    for code, output in each_failure(run, "doctor"):
        assert code == 1
        assert "fail  database    The database does not answer: " in output
        assert "mail        No mail is sent." in output
