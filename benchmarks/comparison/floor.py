"""The floor: a bare Flask view, and a bare WSGI function, on the same waitress: no database, no sign-in, no checks."""

import json
import logging
import socket
import subprocess
import sys
from contextlib import contextmanager

import flask
import waitress

from backend.config.settings import Settings
from benchmarks.comparison.notes import notes
from benchmarks.comparison.servers import HOST, PROCESSES, Server, ended, wait_until
from benchmarks.comparison.wrk import Request

BODY = {"success": True, "data": notes(1)[0], "message": "OK"}


class Floor(Server):
    """PROCESSES processes of one kind, `flask` or `wsgi`, on one socket."""

    def do_one(self):
        """Return the only request."""
        return [Request("GET", "/")]


@contextmanager
def floor(kind, folder):
    """Start and yield a Floor."""
    server, listener = Floor(), socket.create_server((HOST, 0), backlog=512)
    server.title, server.port = (
        f"bare {'Flask view' if kind == 'flask' else 'WSGI function'}",
        listener.getsockname()[1],
    )
    server.versions = f"Flask {flask.__version__}, " * (kind == "flask") + "waitress"
    command = [sys.executable, "-m", "benchmarks.comparison.floor", kind, str(listener.fileno())]
    with (folder / f"{kind}.log").open("wb") as log:
        processes = [
            subprocess.Popen(command, pass_fds=[listener.fileno()], stdout=log, stderr=log) for _ in range(PROCESSES)
        ]
    with listener, ended(processes):
        server.processes = [process.pid for process in processes]
        wait_until(lambda: server.do_one()[0].send(server.port)[0] == 200, server.title, folder / f"{kind}.log")
        yield server


def _serve(kind, descriptor):
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # as Larder has it: not a line for each request
    app = _flask() if kind == "flask" else _function
    waitress.serve(app, sockets=[socket.socket(fileno=descriptor)], threads=Settings().threads, _quiet=True)


def _flask():
    app = flask.Flask("bare")

    @app.get("/")
    def answer():
        return BODY

    return app


def _function(environ, start_response):
    body = json.dumps(BODY).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]))
