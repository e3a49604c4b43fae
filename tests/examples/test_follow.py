"""`examples/teams/follow.py`: prints the changes of the tasks of one's teams, also those made while it was away."""

import runpy
import subprocess
import sys
import threading
import time
from io import BytesIO
from urllib.error import HTTPError

import pytest

from backend import create_app
from backend.config.settings import Settings
from backend.models.database import database
from tests.conftest import CHEAP, PASSWORD, SECRET_KEY, Person, database_copy
from tests.parts import teams
from tests.parts.server import Caller, held_port, running_server

WITHIN_SECONDS = 120


def test_follows_the_tasks_of_ones_teams_and_misses_nothing(request, sqlite_template, tmp_path):
    with database_copy(request, sqlite_template, tmp_path) as url, held_port() as port:
        settings = Settings(data_dir=tmp_path, database_url=url, secret_key=SECRET_KEY, **CHEAP)
        teams.apply(settings)
        app = create_app(settings)
        garden, library = (teams.make_team(Person(app, name), team) for name, team in (("alice", "G"), ("bob", "L")))
        database.close_all()
        command = [
            sys.executable,
            teams.FOLDER / "follow.py",
            "alice@example.com",
            PASSWORD,
            f"http://127.0.0.1:{port}",
        ]
        follower = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        killer = threading.Timer(WITHIN_SECONDS, follower.kill)
        killer.start()
        running = {"secret_key": SECRET_KEY, "log_level": "WARNING", "database_url": url, "port": port, "streams": 2}
        try:
            for title in ("Dig", "Sow"):  # at the second one, the follower finds the server again
                with running_server(tmp_path, **running) as address:
                    if title == "Dig":
                        wait_for_stream(address)
                    change(address, "bob", library, title)
                    change(address, "alice", garden, title)
                    assert follower.stdout.readline() == f"{title}: update title (open)\n"
        finally:
            killer.cancel()
            follower.kill()
            follower.communicate()


def test_tries_again_after_what_may_pass_and_says_why_it_ends(monkeypatch):
    follow = runpy.run_path(str(teams.FOLDER / "follow.py"))["follow"]
    statuses = iter([502, 503, 504, 410, 429, 401])

    def refuse(url, *_):
        raise HTTPError(url, next(statuses), "", None, BytesIO(b"Wrong password"))

    monkeypatch.setitem(follow.__globals__, "sign_in", refuse)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    with pytest.raises(SystemExit, match="Wrong password"):
        follow("http://larder.example.com/api/v1", "alice@example.com", PASSWORD)
    assert [*statuses] == []


def change(address, name, team, title):
    with Caller(address).sign_in(f"{name}@example.com", PASSWORD) as caller:
        assert caller.call("PATCH", f"/tasks/{team['tasks']}", {"title": title})[0] == 200


def wait_for_stream(address):
    deadline, text = time.monotonic() + WITHIN_SECONDS, ""
    while "\nlarder_streams 1.0" not in text:
        assert time.monotonic() < deadline
        with Caller(address) as caller:
            caller.connection.request("GET", "/metrics")
            text = caller.connection.getresponse().read().decode()
        time.sleep(0.1)
