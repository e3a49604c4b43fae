"""FastAPI and SQLModel: two processes of twin/notes_app.py, on SQLite."""

import json
import os
import subprocess
from contextlib import contextmanager
from pathlib import Path

from benchmarks.comparison import notes
from benchmarks.comparison.larder import as_csv
from benchmarks.comparison.servers import DRAFTS, EMAIL, HOST, PASSWORD, PROCESSES, Server, ended, free_port, wait_until
from benchmarks.comparison.wrk import Request, json_request
from benchmarks.peers.installed import program

TWIN = Path(__file__).with_name("twin")
VERSIONS = "import fastapi, sqlmodel; print(f'FastAPI {fastapi.__version__}, SQLModel {sqlmodel.__version__}')"


class FastAPI(Server):
    """The API by hand. It checks its token, and the session in the database."""

    title = "FastAPI + SQLModel"
    remarks = "written by hand for these operations; no limits, no roles, no rules"

    def sign_in(self):
        """Sign the member in."""
        self.token = json.loads(self.do_login()[0].send(self.port)[1])["token"]

    def _get(self, path, token=True):
        return [json_request("GET", path, token=self.token if token else None)]

    def do_one(self):
        return [request for each in self.ids[:200] for request in self._get(f"/notes/{each}")]

    def do_list20(self):
        return self._get("/notes")

    def do_list20_uncounted(self):
        return self._get("/notes?count=false")

    def do_list100(self):
        return self._get("/notes?per_page=100")

    def do_list100_uncounted(self):
        return self._get("/notes?per_page=100&count=false")

    def do_filter20(self):
        return [each for p in range(1, 6) for each in self._get(f"/notes?priority={p}&sort=-title")]

    def do_filter20_uncounted(self):
        return [each for p in range(1, 6) for each in self._get(f"/notes?priority={p}&sort=-title&count=false")]

    def do_update(self):
        return [
            json_request("PATCH", f"/notes/{each}", {"title": f"Changed {number} of a member"}, self.token)
            for number, each in enumerate(self.ids[:200])
        ]

    def do_create(self):
        return [json_request("POST", "/drafts", self._draft(number), self.token) for number in range(DRAFTS)]

    def do_anonymous20(self):
        return self._get("/notes?count=false", token=False)

    def do_cursor20(self):
        return self._get(f"/notes?count=false&after={self.ids[9000]}")

    def do_expand20(self):
        return self._get("/expanded-notes")

    def do_search20(self):
        return self._get(f"/search?q={notes.SOUGHT}")

    def do_aggregate(self):
        return self._get("/aggregate")

    def do_batch(self):
        return [json_request("POST", "/batch", [self._draft(number) for number in range(20)], self.token)]

    def do_export(self):
        return self._get("/export")

    def do_import(self):
        rows = [note | {"category": self.categories[note["category"]]} for note in notes.notes(1000, seed=3)]
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "text/csv"}
        return [Request("POST", "/import", headers, as_csv(rows))]

    def do_login(self):
        return [json_request("POST", "/login", {"email": EMAIL, "password": PASSWORD})]


@contextmanager
def fastapi(folder):
    """Start, fill and yield the twin."""
    server, python = FastAPI(), program("bin/python")
    folder, server.port = folder / "fastapi", free_port()
    folder.mkdir()
    server.versions = subprocess.run(
        [python, "-c", VERSIONS], check=True, capture_output=True, text=True
    ).stdout.strip()
    variables = os.environ | {"TWIN_SECRET": os.urandom(32).hex(), "TWIN_DATABASE": str(folder / "twin.db")}
    server.categories, server.ids = _fill(python, variables)
    server.category = server.categories[0]
    command = [python, "-m", "uvicorn", "notes_app:app", f"--app-dir={TWIN}", f"--workers={PROCESSES}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"--host={HOST}", f"--port={server.port}"], env=variables, stdout=log, stderr=log
        )
    with ended([process]):
        server.processes = [process.pid]
        is_ready = json_request("GET", "/notes?per_page=1")
        wait_until(lambda: is_ready.send(server.port)[0] == 200, server.title, folder / "log")
        server.sign_in()
        yield server


def _fill(python, variables):
    data = {"email": EMAIL, "password": PASSWORD, "categories": notes.categories(), "notes": notes.notes()}
    done = subprocess.run(
        [python, TWIN / "fill.py"], check=True, env=variables, input=json.dumps(data), capture_output=True, text=True
    )
    ids = json.loads(done.stdout)
    return ids["categories"], ids["notes"]
