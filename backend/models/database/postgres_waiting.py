"""A connection to Postgres that stops waiting at the time limit of its thread, even if the server is silent."""

import socket
import struct
import time
from collections.abc import Generator
from typing import Any, NamedTuple, NoReturn, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.errors import _WaitTimeout
from psycopg.waiting import Ready, Wait

from backend.models.database.postgres_statements import Statements
from backend.models.database.time_limits import allowance

# Asks whether the server supports encryption: a server answers before authentication.
SSL_REQUEST = struct.pack("!ii", 8, 80877103)
PROBE_SECONDS = 1
CANCEL_SECONDS = 1
UNWATCHED_SECONDS = 0.1
NOT_READY = 0  # what a generator of psycopg gets while nothing can be read or written

T = TypeVar("T")


class Address(NamedTuple):
    """The address of a server, as libpq gives it."""

    host: bytes
    port: bytes
    hostaddr: bytes


class Silence(psycopg.OperationalError):
    """The server has been silent for too long."""


class Connection(psycopg.Connection):
    """A connection that waits for the server only until the time limit of its thread."""

    silence_seconds = 5.0  # after which a probe checks whether the server responds at all
    server_limits: tuple[int, int] | None = None  # statement_timeout and lock_timeout in ms; None if unknown
    limits_set_in_transaction = False
    statements: Statements
    table_changes = 0  # how often tables had changed when it began to prepare its statements

    def wait(self, gen: PQGen[T], *args: Any, **options: Any) -> T:
        """Wait for the server. Raises Silence, and closes the connection, if the server does not respond."""
        try:
            return super().wait(gen, timeout=UNWATCHED_SECONDS)  # in C: watching would cost 5 us
        except _WaitTimeout:
            return super().wait(self._watched(gen))

    def _watched(self, gen: PQGen[T]) -> Generator[Wait, Ready | int, T]:
        began = time.monotonic() - UNWATCHED_SECONDS
        ends_at, probes_at = allowance.deadline() - UNWATCHED_SECONDS, began + self.silence_seconds
        cancelled_at = None
        try:
            state = gen.send(NOT_READY)
            while True:
                ready = yield state
                if not ready:  # nothing was received for a tenth of a second
                    now = time.monotonic()
                    if now >= probes_at:
                        if not is_answering(address_of(self)):
                            self._give_up("the database server does not answer")
                        probes_at = time.monotonic() + self.silence_seconds
                    if cancelled_at is None and now >= ends_at:
                        self._try_cancel(timeout=CANCEL_SECONDS)
                        cancelled_at = now
                    elif cancelled_at is not None and now >= cancelled_at + CANCEL_SECONDS:
                        self._give_up("the database server does not stop a statement")
                state = gen.send(ready)
        except StopIteration as done:
            result: T = done.value
            return result

    def _give_up(self, reason: str) -> NoReturn:
        self.pgconn.finish()
        raise Silence(reason)


def address_of(connection: psycopg.Connection) -> Address:
    """Return the address of the server of a connection."""
    pgconn = connection.pgconn
    return Address(pgconn.host, pgconn.port, pgconn.hostaddr)


def is_answering(address: Address) -> bool:
    """Return whether a server responds to a new connection."""
    try:
        with _connect_to(address) as probe:
            probe.settimeout(PROBE_SECONDS)
            probe.sendall(SSL_REQUEST)
            return bool(probe.recv(1))
    except TimeoutError:
        return False
    except OSError:
        return True  # a refusal is a response: the statement will fail with an error of its own


def _connect_to(address: Address) -> socket.socket:
    host, port = address.host.decode(), int(address.port)
    if not host.startswith(("/", "@")):
        return socket.create_connection((address.hostaddr.decode() or host, port), PROBE_SECONDS)
    probe = socket.socket(socket.AF_UNIX)
    probe.settimeout(PROBE_SECONDS)
    name = f"{host}/.s.PGSQL.{port}"
    probe.connect(name if host.startswith("/") else f"\0{name[1:]}")
    return probe
