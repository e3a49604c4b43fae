"""PocketBase: one process in Go, on SQLite."""

import json
import subprocess
from contextlib import contextmanager

from benchmarks.comparison import notes
from benchmarks.comparison.servers import DRAFTS, EMAIL, HOST, PASSWORD, Server, ended, free_port, wait_until
from benchmarks.comparison.wrk import json_request
from benchmarks.peers.installed import program

ADMIN = "admin@example.com"
ROWS_AT_ONCE = 1_000
SIGNED_IN = '@request.auth.id != ""'
RULES = {"listRule": "", "viewRule": "", "createRule": SIGNED_IN, "updateRule": SIGNED_IN}
FIELDS = [
    {"name": "title", "type": "text", "required": True},
    {"name": "body", "type": "text"},
    {"name": "priority", "type": "number", "onlyInt": True},
    {"name": "done", "type": "bool"},
    {"name": "created_by", "type": "text"},
    {"name": "created", "type": "autodate", "onCreate": True},
    {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True},
]
GROUPS = "SELECT category AS id, category, COUNT(*) AS count, SUM(priority) AS sum FROM notes GROUP BY category"
SETTINGS = {
    "batch": {"enabled": True, "maxRequests": ROWS_AT_ONCE, "timeout": 60},
    "rateLimits": {"enabled": True, "rules": [{"label": "/api/", "maxRequests": 1_000_000_000, "duration": 60}]},
}


class PocketBase(Server):
    """A server whose collections have the rules of Larder's resources. It checks its token, and reads the user."""

    title = "PocketBase"
    remarks = "SQLite with synchronous=normal, which it does not let you set; tokens without sessions; logs on"

    def call(self, method, path, data=None, token=None):
        """Send JSON and return the JSON of the response. Raises RuntimeError if it is an error."""
        status, body = json_request(method, f"/api{path}", data, token).send(self.port)
        if status >= 400:
            raise RuntimeError(f"PocketBase: {method} {path}: {status} {body[:500]}")
        return json.loads(body) if body else None

    def fill(self):
        """Create the collections, load the data, and sign the member in."""
        admin = self._token("_superusers", ADMIN)
        self.call("PATCH", "/settings", SETTINGS, admin)
        name = {"name": "name", "type": "text", "required": True}
        categories = self._create_collection("categories", [name], [], admin)
        category = {"name": "category", "type": "relation", "collectionId": categories, "maxSelect": 1}
        for collection in ("notes", "drafts"):
            indexes = [
                f"CREATE INDEX {collection}_{column} ON {collection} ({column})"
                for column in ("priority", "category", "created", "updated")
            ]
            self._create_collection(collection, [*FIELDS, category], indexes, admin)
        view = {"name": "groups", "type": "view", "viewQuery": GROUPS, "listRule": "", "viewRule": ""}
        self.call("POST", "/collections", view, admin)
        ids = self._insert("categories", [{"name": name} for name in notes.categories()], admin)
        self.ids = self._insert("notes", [note | {"category": ids[note["category"]]} for note in notes.notes()], admin)
        self.category, self.ids = ids[0], self.ids[:200]
        member = {"email": EMAIL, "password": PASSWORD, "passwordConfirm": PASSWORD}
        self.call("POST", "/collections/users/records", member, admin)
        self.token = self._token("users", EMAIL)
        rows = self.call("GET", "/collections/notes/records?perPage=20&page=450&sort=id&skipTotal=1")["items"]
        self.last = rows[-1]["id"]

    def _token(self, collection, email):
        login = {"identity": email, "password": PASSWORD}
        return self.call("POST", f"/collections/{collection}/auth-with-password", login)["token"]

    def _create_collection(self, name, fields, indexes, token):
        body = {"name": name, "type": "base", "fields": fields, "indexes": indexes} | RULES
        return self.call("POST", "/collections", body, token)["id"]

    def _insert(self, name, rows, token):
        ids = []
        for start in range(0, len(rows), ROWS_AT_ONCE):
            batch = [self._creation(name, row) for row in rows[start:][:ROWS_AT_ONCE]]
            ids += [each["body"]["id"] for each in self.call("POST", "/batch", {"requests": batch}, token)]
        return ids

    def _creation(self, name, row):
        return {"method": "POST", "url": f"/api/collections/{name}/records", "body": row}

    def _get(self, query, name="notes", token=True):
        path = f"/api/collections/{name}/records{query}"
        return [json_request("GET", path, token=self.token if token else None)]

    def do_one(self):
        return [request for each in self.ids for request in self._get(f"/{each}")]

    def do_list20(self):
        return self._get("?perPage=20")

    def do_list20_uncounted(self):
        return self._get("?perPage=20&skipTotal=1")

    def do_list100(self):
        return self._get("?perPage=100")

    def do_list100_uncounted(self):
        return self._get("?perPage=100&skipTotal=1")

    def do_filter20(self):
        return [each for p in range(1, 6) for each in self._get(f"?perPage=20&filter=(priority={p})&sort=-title")]

    def do_filter20_uncounted(self):
        query = "?perPage=20&skipTotal=1&sort=-title&filter=(priority={})"
        return [each for p in range(1, 6) for each in self._get(query.format(p))]

    def do_update(self):
        path = "/api/collections/notes/records/"
        return [
            json_request("PATCH", path + each, {"title": f"Changed {number} of a member"}, self.token)
            for number, each in enumerate(self.ids)
        ]

    def do_create(self):
        path = "/api/collections/drafts/records"
        return [json_request("POST", path, self._draft(number), self.token) for number in range(DRAFTS)]

    def do_anonymous20(self):
        return self._get("?perPage=20&skipTotal=1", token=False)

    def do_cursor20(self):
        return self._get(f"?perPage=20&skipTotal=1&sort=id&filter=(id%3E'{self.last}')")

    def do_expand20(self):
        return self._get("?perPage=20&skipTotal=1&expand=category")

    def do_aggregate(self):
        return self._get("?perPage=20&skipTotal=1", name="groups")

    def do_batch(self):
        requests = [self._creation("drafts", self._draft(number)) for number in range(20)]
        return [json_request("POST", "/api/batch", {"requests": requests}, self.token)]

    def do_login(self):
        login = {"identity": EMAIL, "password": PASSWORD}
        return [json_request("POST", "/api/collections/users/auth-with-password", login)]


@contextmanager
def pocketbase(folder):
    """Start, fill and yield a PocketBase."""
    server, command = PocketBase(), program("bin/pocketbase")
    folder, server.port = folder / "pocketbase", free_port()
    folder.mkdir()
    data = f"--dir={folder / 'data'}"
    subprocess.run([command, "superuser", "upsert", ADMIN, PASSWORD, data], check=True, capture_output=True)
    version = subprocess.run([command, "--version"], check=True, capture_output=True, text=True).stdout
    server.versions = f"PocketBase {version.split()[-1]}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([command, "serve", f"--http={HOST}:{server.port}", data], stdout=log, stderr=log)
    with ended([process]):
        server.processes = [process.pid]
        is_healthy = json_request("GET", "/api/health")
        wait_until(lambda: is_healthy.send(server.port)[0] == 200, server.title, folder / "log")
        server.fill()
        yield server
