"""What a kept response saves: `python -m benchmarks.kept_responses [POSTGRES_URL]`.

Three resources have the same 2,000 records: one without `cache_seconds`, one with it, and one with it that a client
asks with `If-None-Match`. The app runs in this process, without a server. The requests take turns in short batches; the
least CPU time of a batch counts, and for Postgres also the wall time, because the server works in another process.
The database at POSTGRES_URL must be empty.
"""

import gc
import os
import sys
import tempfile
import time
from pathlib import Path

from werkzeug.test import EnvironBuilder

from backend import create_app
from backend.config.settings import Settings
from backend.models.database import database
from backend.services.accounts import sign_in
from backend.services.operation import migrations

PASSWORD = "correct horse battery"
RECORDS, BATCH, ROUNDS = 2000, 40, 30
FIELDS = {"title": {"type": "string"}, "kind": {"type": "integer", "index": True}, "price": {"type": "integer"}}
READS = {
    "one record": "/{id}",
    "list of 20": "?per_page=20",
    "list of 100, no count": "?per_page=100&count=false",
    "filter and sort": "?kind=3&sort=-price&per_page=20",
    "aggregate": "/aggregate?group_by=kind&sum=price",
}


def main():
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        url = sys.argv[1] if len(sys.argv) > 1 else f"sqlite:///{folder}/larder.db"
        app, ids = _make_app(Path(folder), url)
        print(f"{url.partition(':')[0]}: µs of CPU (wall) of a request\n")
        print(f"{'':24}{'not kept':>15}{'kept':>15}{'304, kept':>15}")
        for what, path in READS.items():
            print(f"{what:24}" + "".join(f"{cpu:>7.0f} ({wall:>5.0f})" for cpu, wall in _measure(app, ids, path)))
        database.close_all()


def _make_app(folder, url):
    settings = Settings(
        data_dir=folder,
        database_url=url,
        secret_key="a key of the benchmark that is long enough",
        rate_limit="1000000/second",
        admin_email="admin@example.com",
        admin_password=PASSWORD,
    )
    database.open(settings)
    migrations.upgrade()
    app = create_app(settings)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # the log is written, but not shown
    sign_in.create_first_admin(settings)
    return app, {name: _fill(app, name, seconds) for name, seconds in (("plain", None), ("kept", 60))}


def _fill(app, name, seconds):
    """Declare a resource with records; return the id of one."""
    client = app.test_client()
    credentials = {"email": "admin@example.com", "password": PASSWORD}
    token = client.post("/api/v1/auth/login", json=credentials).json["data"]["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    definition = {"name": name, "fields": FIELDS, "access": {"list": ["public"], "read": ["public"]}}
    definition |= {"cache_seconds": seconds} if seconds else {}
    assert client.post("/api/v1/resources", json=definition, headers=headers).status_code == 201
    for start in range(0, RECORDS, 100):
        rows = [{"title": f"Record {n}", "kind": n % 10, "price": n * 7 % 1000} for n in range(start, start + 100)]
        operations = [{"op": "create", "resource": name, "data": row} for row in rows]
        made = client.post("/api/v1/batch", json={"operations": operations}, headers=headers)
        assert made.status_code == 200, made.json
    return made.json["data"][-1]["data"]["id"]


def _measure(app, ids, path):
    """Return (CPU, wall) in µs of a request: not kept, kept, and kept with `If-None-Match`."""
    plain, kept = (_environ(f"/api/v1/{name}{path.format(id=id)}") for name, id in ids.items())
    _, headers = _send(app, kept)
    tagged = kept | {"HTTP_IF_NONE_MATCH": dict(headers)["ETag"]}
    kinds = {"200": [plain, kept], "304": [tagged]}
    least = [[float("inf")] * 2 for _ in range(3)]
    gc.disable()
    for _ in range(ROUNDS):
        for number, environ in enumerate([*kinds["200"], *kinds["304"]]):
            cpu, wall = time.process_time(), time.perf_counter()
            for _ in range(BATCH):
                status, _ = _send(app, environ)
            spent = time.process_time() - cpu, time.perf_counter() - wall
            assert status[:3] == ("304" if number == 2 else "200"), status
            least[number] = [min(pair) for pair in zip(least[number], spent, strict=True)]
        gc.collect()
    gc.enable()
    return [[seconds / BATCH * 1e6 for seconds in pair] for pair in least]


def _environ(url):
    path, _, query = url.partition("?")
    return EnvironBuilder(path=path, query_string=query).get_environ()


def _send(app, environ):
    begun = []
    content = app.wsgi_app(dict(environ), lambda *response: begun.append(response))
    b"".join(content)
    if hasattr(content, "close"):
        content.close()
    return begun[0][:2]


if __name__ == "__main__":
    main()
