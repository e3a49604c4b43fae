"""The example of teams on two processes: who joins or leaves a team notices at the next request, at both."""

import pytest

from backend import create_app
from backend.config.settings import Settings
from backend.models.database import database
from tests.conftest import CHEAP, PASSWORD, SECRET_KEY, Person, database_copy
from tests.parts import teams
from tests.parts.server import Caller, running_servers


@pytest.fixture(params=["sqlite", "postgres"])
def addresses(request, tmp_path):
    """The addresses of two processes on a database with a team of alice and what belongs to it."""
    with database_copy(request, request.getfixturevalue(f"{request.param}_template"), tmp_path) as url:
        settings = Settings(data_dir=tmp_path, database_url=url, secret_key=SECRET_KEY, **CHEAP)
        teams.apply(settings)
        teams.make_team(Person(create_app(settings), "alice"), "Garden")
        database.close_all()
        running = {"secret_key": SECRET_KEY, "log_level": "WARNING", "reuse_port": False, "database_url": url}
        with running_servers(tmp_path, count=2, **running) as addresses:
            yield addresses


def test_a_membership_counts_from_the_next_request_on_until_the_next_one(addresses):
    with Caller(addresses[0]) as alice, Caller(addresses[0]) as bob, Caller(addresses[1]) as bob_elsewhere:
        alice.sign_in("alice@example.com", PASSWORD)
        for each in (bob, bob_elsewhere):
            each.sign_in("bob@example.com", PASSWORD)
        team, task = [alice.call("GET", f"/{name}")[1]["data"][0] for name in ("teams", "tasks")]
        path, mine = f"/tasks/{task['id']}", {"team": team["id"], "user": bob.call("GET", "/auth/me")[1]["data"]["id"]}
        for _ in range(2):
            for each in (bob, bob_elsewhere):
                assert each.call("GET", "/tasks")[1]["data"] == []
                known = {"If-None-Match": f'"{task["version"]}"'}
                assert each.call("GET", path, headers=known)[0] == each.call("PATCH", path, {"title": "x"})[0] == 404
            membership = alice.call("POST", "/memberships", mine)[1]["data"]["id"]
            for each in (bob, bob_elsewhere):
                assert each.call("GET", "/tasks")[1]["data"] == [task]
                task = each.call("PATCH", path, {"title": f"{task['title']} again"})[1]["data"]
            assert alice.call("DELETE", f"/memberships/{membership}", None)[0] == 200
