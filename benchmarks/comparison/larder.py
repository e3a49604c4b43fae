"""Larder, as its documentation says to run it: two processes on one socket, all checks and limits on."""

import csv
import io
import json
import socket
from contextlib import ExitStack, contextmanager

from backend.config.settings import Settings
from benchmarks.comparison import notes
from benchmarks.comparison.servers import DRAFTS, EMAIL, HOST, PASSWORD, PROCESSES, Server, ended, wait_until
from benchmarks.comparison.wrk import Request, json_request
from tests.parts.postgres import stopped
from tests.parts.server import environment, start_process

API = "/api/v1"
ADMIN = {"email": "admin@example.com", "password": PASSWORD}
MEMBER = {"email": EMAIL, "password": PASSWORD}
SETTINGS = {
    # Counted as by default, but never reached.
    "rate_limit": "1000000000/minute",
    "rate_limit_auth": "1000000000/minute",
    "access_token_seconds": 86_400,
    "admin_email": ADMIN["email"],
    "admin_password": ADMIN["password"],
    "jobs": "off",  # they have a process of their own, as in deploy/
}
FIELDS = {
    "title": {"type": "string", "required": True},
    "body": {"type": "text"},
    "priority": {"type": "integer", "index": True},
    "done": {"type": "boolean"},
    "category": {"type": "reference", "to": "categories"},
}
ACCESS = {"list": ["public"], "read": ["public"], "create": ["member"], "update": ["member"]}
RESOURCES = {
    "categories": {"fields": {"name": {"type": "string", "required": True, "unique": True}}, "access": ACCESS},
    "notes": {"fields": FIELDS, "access": ACCESS},
    "drafts": {"fields": FIELDS, "access": ACCESS},
    "articles": {"fields": FIELDS, "access": ACCESS, "search": ["title", "body"]},
}


class Larder(Server):
    """One installation. The member is signed in, and every request of theirs has their session checked."""

    def call(self, method, path, data=None, token=None):
        """Send JSON and return the JSON of the response. Raises RuntimeError if it is an error."""
        return self._data(json_request(method, API + path, data, token))

    def _data(self, request):
        status, body = request.send(self.port)
        if status >= 400:
            raise RuntimeError(f"{self.title}: {request.method} {request.path}: {status} {body[:500]}")
        return json.loads(body)

    def fill(self):
        """Declare the resources, load the data, and sign the member in."""
        admin = self.call("POST", "/auth/login", ADMIN)["data"]["access_token"]
        for name, definition in RESOURCES.items():
            self.call("POST", "/resources", {"name": name} | definition, admin)
        self._import("categories", [{"name": name} for name in notes.categories()], admin)
        for name in ("notes", "articles"):
            self._import(name, rows(notes.notes()), admin)
        self.call("POST", "/auth/register", MEMBER | {"name": "Member"})
        self.token = self.call("POST", "/auth/login", MEMBER)["data"]["access_token"]
        self.ids = [row["id"] for row in self.call("GET", "/notes?per_page=200", token=self.token)["data"]]
        self.category = self.call("GET", "/categories?per_page=1")["data"][0]["id"]
        self.cursor = self._walk(90)

    def _import(self, name, new, token):
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "text/csv"}
        self._data(Request("POST", f"{API}/{name}/import", headers, as_csv(new)))

    def _walk(self, pages):
        """Return the cursor behind so many pages of a hundred."""
        cursor = ""
        for _ in range(pages):
            path = f"/notes?per_page=100&count=false{cursor and '&cursor=' + cursor}"
            cursor = self.call("GET", path, token=self.token)["meta"]["next_cursor"]
        return cursor

    def _get(self, path, token=True):
        return [json_request("GET", API + path, token=self.token if token else None)]

    def do_one(self):
        return [request for each in self.ids for request in self._get(f"/notes/{each}")]

    def do_list20(self):
        return self._get("/notes")

    def do_list20_uncounted(self):
        return self._get("/notes?count=false")

    def do_list100(self):
        return self._get("/notes?per_page=100")

    def do_list100_uncounted(self):
        return self._get("/notes?per_page=100&count=false")

    def do_filter20(self):
        return [request for p in range(1, 6) for request in self._get(f"/notes?priority={p}&sort=-title")]

    def do_filter20_uncounted(self):
        return [request for p in range(1, 6) for request in self._get(f"/notes?priority={p}&sort=-title&count=false")]

    def do_update(self):
        return [
            json_request("PATCH", f"{API}/notes/{each}", {"title": f"Changed {number} of a member"}, self.token)
            for number, each in enumerate(self.ids)
        ]

    def do_create(self):
        return [json_request("POST", f"{API}/drafts", self._draft(number), self.token) for number in range(DRAFTS)]

    def do_anonymous20(self):
        return self._get("/notes?count=false", token=False)

    def do_cursor20(self):
        return self._get(f"/notes?count=false&cursor={self.cursor}")

    def do_expand20(self):
        return self._get("/notes?count=false&expand=category")

    def do_search20(self):
        return self._get(f"/articles?count=false&q={notes.SOUGHT}")

    def do_aggregate(self):
        return self._get("/notes/aggregate?group_by=category&sum=priority")

    def do_batch(self):
        operations = [{"op": "create", "resource": "drafts", "data": self._draft(number)} for number in range(20)]
        return [json_request("POST", f"{API}/batch", {"operations": operations}, self.token)]

    def do_export(self):
        return self._get("/notes/export?format=csv")

    def do_import(self):
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "text/csv"}
        return [Request("POST", f"{API}/drafts/import", headers, as_csv(rows(notes.notes(1000, seed=3))))]

    def do_login(self):
        return [json_request("POST", f"{API}/auth/login", MEMBER)]


def rows(values):
    """Return notes as rows of an import, with their category by name."""
    names = notes.categories()
    return [
        {name: value for name, value in note.items() if name != "category"} | {"category_name": names[note["category"]]}
        for note in values
    ]


def as_csv(values):
    """Return dicts as CSV, with a header line and booleans as in JSON."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(values[0])
    writer.writerows(
        [str(value).lower() if isinstance(value, bool) else value for value in row.values()] for row in values
    )
    return out.getvalue().encode()


@contextmanager
def larder(folder, title, **settings):
    """Start PROCESSES processes of Larder with an empty database in the folder, fill it, and yield a Larder."""
    folder.mkdir()
    server, listener = Larder(), socket.create_server((HOST, 0), backlog=512)
    server.title, server.port = title, listener.getsockname()[1]
    server.versions = f"{PROCESSES} processes of {settings.get('threads', Settings().threads)} threads"
    variables = environment(SETTINGS | {"data_dir": folder, "port": server.port} | settings)
    processes, is_ready = [], json_request("GET", "/health/ready")
    with ExitStack() as stack:
        stack.enter_context(listener)
        log = stack.enter_context((folder / "log").open("wb"))  # of requests
        stack.enter_context(ended(processes))
        for _ in range(PROCESSES):  # the first one migrates; none answers for another
            with stopped([process.pid for process in processes]):
                processes.append(start_process(folder, variables, log, log, listener=listener, forked=False))
                wait_until(lambda: is_ready.send(server.port)[0] == 200, title, folder / "log")
        server.processes = [process.pid for process in processes]
        server.fill()
        yield server
