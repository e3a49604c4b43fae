"""Requests to an app in this process, for their time: `python in_process.py CHECKOUT [CLOCK]`, started by against.py.

It runs the code of any checkout, so it uses only what stays as it is: the commands, `wsgi.app` and the API. Once it is
ready it prints the names of its operations. Then it reads lines `OPERATION COUNT`, sends so many requests, and prints
the time of each in microseconds: of the processor or, if CLOCK is `perf_counter`, of the clock.
"""

import gc
import io
import itertools
import json
import os
import subprocess
import sys
import time
from contextlib import suppress

EMAIL, PASSWORD = "admin@example.com", "correct horse battery"
ROWS = 500
FIELDS = {
    "title": {"type": "string", "required": True},
    "body": {"type": "text"},
    "priority": {"type": "integer", "index": True},
    "done": {"type": "boolean"},
}
NOTE = {"body": "some words of a note " * 8, "done": False}
API = "/api/v1"


class Caller:
    """Sends requests to a WSGI app, as the user who has signed in."""

    def __init__(self, app):
        self.app, self.token = app, None

    def environ(self, method, path, data=None):
        """Return a new WSGI environment, PEP 3333."""
        path, _, query = path.partition("?")
        body = b"" if data is None else json.dumps(data).encode()
        environ = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": API + path,
            "QUERY_STRING": query,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "127.0.0.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }
        if body:
            environ |= {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body))}
        if self.token:
            environ["HTTP_AUTHORIZATION"] = f"Bearer {self.token}"
        return environ

    def send(self, environ):
        """Run the app, and return the body of its response. Raises RuntimeError if it is an error."""
        statuses = []
        parts = self.app(environ, lambda status, headers, error=None: statuses.append(status))
        try:
            body = b"".join(parts)
        finally:
            if hasattr(parts, "close"):
                parts.close()
        if not statuses[0].startswith("2"):
            raise RuntimeError(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}: {statuses[0]} {body[:500]}")
        return body

    def call(self, *request):
        """Return the `data` of the response to a request."""
        return json.loads(self.send(self.environ(*request)))["data"]


def main():
    """Answer the lines of standard input."""
    checkout, clock = sys.argv[1], getattr(time, (sys.argv[2:] or ["process_time"])[0])
    for command in (["db", "upgrade"], ["users", "create", EMAIL, "--admin", "--password", PASSWORD]):
        flask = [sys.executable, "-m", "flask", "--app", os.path.join(checkout, "wsgi.py"), *command]
        subprocess.run(flask, check=True, stdout=subprocess.DEVNULL)
    sys.path.insert(0, checkout)
    import wsgi

    caller = Caller(wsgi.app)
    caller.token = caller.call("POST", "/auth/login", {"email": EMAIL, "password": PASSWORD})["access_token"]
    operations = _operations(caller, "notes")
    for option in ("feed", "history"):
        with suppress(RuntimeError):  # the code is older than this option
            own = _operations(caller, f"notes_with_{option}", **{option: True})
            operations |= {f"{name}-{option}": own[name] for name in ("update", "create")}
    print(*operations, flush=True)
    for line in sys.stdin:
        name, count = line.split()
        print(_measure(caller, operations[name], int(count), clock), flush=True)


def _operations(caller, resource, **options):
    """Return an endless iterator of requests for each operation on a new resource."""
    caller.call("POST", "/resources", {"name": resource, "fields": FIELDS} | options)
    ids = [
        caller.call("POST", f"/{resource}", NOTE | {"title": f"Note {number}", "priority": number % 5})["id"]
        for number in range(ROWS)
    ]
    titles = itertools.count()
    return {
        "get-one": (("GET", f"/{resource}/{each}") for each in itertools.cycle(ids)),
        "list-20": itertools.repeat(("GET", f"/{resource}")),
        "list-100": itertools.repeat(("GET", f"/{resource}?per_page=100&count=false")),
        "filter-20": (("GET", f"/{resource}?priority={each}&sort=-title") for each in itertools.cycle(range(5))),
        "update": (("PATCH", f"/{resource}/{each}", {"title": f"New {next(titles)}"}) for each in itertools.cycle(ids)),
        "create": (
            ("POST", f"/{resource}", NOTE | {"title": f"New {next(titles)}", "priority": 3}) for _ in itertools.count()
        ),
    }


def _measure(caller, requests, count, clock):
    environs = [caller.environ(*request) for request in itertools.islice(requests, count)]
    gc.collect()
    before = clock()
    for environ in environs:
        caller.send(environ)
    return (clock() - before) / count * 1e6


if __name__ == "__main__":
    main()
