"""`/health/live` of a server all of whose threads wait, as everywhere else."""

from contextlib import contextmanager

import cysqlite
import psycopg

from tests.parts.sockets import serving, wait_for

FIELDS = {"title": {"type": "string"}}
TEA = b'{"title": "Tea"}'


@contextmanager
def nobody_else_writes(url):
    """Hold what every writer waits for."""
    if url.startswith("sqlite:///"):
        connection = cysqlite.connect(url.removeprefix("sqlite:///"))
        connection.execute("BEGIN IMMEDIATE")
    else:
        connection = psycopg.connect(url)
        connection.execute("LOCK TABLE notes IN EXCLUSIVE MODE")
    try:
        yield
    finally:
        connection.rollback()
        connection.close()


def test_liveness_is_answered_while_writers_wait(app, database_url, admin, alice):
    admin.declare("notes", FIELDS, access={"create": ["member"]})
    write = [f"Authorization: Bearer {alice.token}", "Content-Type: application/json", f"Content-Length: {len(TEA)}"]
    with serving(app, threads=2) as (server, connect):
        with connect() as asked:
            usual = asked.send("/health/live").read()
        with nobody_else_writes(database_url):
            writers = [connect().send("/api/v1/notes", *write, method="POST", body=TEA) for _ in range(6)]
            wait_for(lambda: len(server.lanes.workers.queue) == 4)
            status, headers, body = connect().send("/health/live").read()
            head = connect().send("/health/live", method="HEAD").read("HEAD")
            wrong = connect().send("/health/live", method="DELETE").read()
            assert len(server.lanes.workers.queue) == 4  # all answered while no writer got on
        assert (status, set(headers)) == (200, set(usual[1]))
        assert b'"status":"live"' in body
        assert (head[0], set(head[1])) == (200, set(headers))
        assert (wrong[0], set(wrong[1]["allow"].split(", "))) == (405, {"GET", "HEAD", "OPTIONS"})
        assert {writer.read()[0] for writer in writers} == {201}
