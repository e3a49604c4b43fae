"""A connection to Postgres that waits for its server no longer than its thread may, also when the server is silent."""

import socket
import struct
import time
from collections.abc import Generator
from typing import Any, NamedTuple, NoReturn, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.waiting import Ready, Wait

from backend.models.database.time_limits import allowance

# Asks whether the connection may be encrypted: a server answers that before it knows who asks.
SSL_REQUEST = struct.pack("!ii", 8, 80877103)
PROBE_SECONDS = 1
CANCEL_SECONDS = 1

T = TypeVar("T")


class Address(NamedTuple):
    """The address of a server, as libpq gives it."""

    host: bytes
    port: bytes
    hostaddr: bytes


class Silence(psycopg.OperationalError):
    """The server has been silent for too long."""


class Connection(psycopg.Connection):
    """A connection that waits for the server no longer than the thread that uses it may."""

    silence_seconds = 5.0  # after which a probe asks whether the server answers at all
    server_limits: tuple[int, int] | None = None  # statement_timeout and lock_timeout in ms; None where not known
    limits_set_in_transaction = False

    def wait(self, gen: PQGen[T], *args: Any, **options: Any) -> T:
        """Run a conversation with the server; raise Silence, with the connection closed, if the server does not."""
        return super().wait(self._watched(gen), *args, **options)

    def _watched(self, gen: PQGen[T]) -> Generator[Wait, Ready | int, T]:
        now = time.monotonic()
        ends_at, probes_at, cancelled_at = allowance.deadline(), now + self.silence_seconds, None
        try:
            state = next(gen)
            while True:
                ready = yield state
                if not ready:  # nothing has come for a tenth of a second
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
    """Tell whether a server answers a new connection."""
    try:
        with _dial(address) as line:
            line.settimeout(PROBE_SECONDS)
            line.sendall(SSL_REQUEST)
            return bool(line.recv(1))
    except TimeoutError:
        return False
    except OSError:
        return True  # a refusal is an answer: the statement will fail by itself


def _dial(address: Address) -> socket.socket:
    host, port = address.host.decode(), int(address.port)
    if not host.startswith(("/", "@")):
        return socket.create_connection((address.hostaddr.decode() or host, port), PROBE_SECONDS)
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(PROBE_SECONDS)
    name = f"{host}/.s.PGSQL.{port}"
    line.connect(name if host.startswith("/") else f"\0{name[1:]}")
    return line
