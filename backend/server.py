"""The waitress server: first start, listening, and a stop that finishes what runs."""

import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress

import structlog
from flask import Flask
from waitress import wasyncore

from backend.config.service_manager import has_passed_socket, notify, passed_socket
from backend.config.settings import Settings
from backend.config.start import cannot_create_admin, cannot_listen, listen
from backend.middleware.connections.server import Server, open_server
from backend.middleware.paths import DOCS_PATH
from backend.models.database import connected, database
from backend.services.accounts import sign_in
from backend.services.errors import LarderError
from backend.services.health import ready
from backend.services.health.check import any_failed
from backend.services.operation import migrations
from backend.services.operation.jobs import jobs
from backend.services.operation.metrics import metrics

log = structlog.get_logger()

SECONDS_BETWEEN_LOOKS = 0.5
DRAIN_SECONDS = 30
# A client that keeps its connection open is told with its next answer that it closes. Without a request for this long,
# the connection is closed anyway.
IDLE_SECONDS = 3
LOOK_SECONDS = 0.02  # from one look at the connections of a server that stops to the next


def take_port(settings: Settings) -> socket.socket:
    """Return the socket that the service manager has passed, or else one of our own; raise StartError."""
    return passed_socket() or listen(settings)


def run(app: Flask, settings: Settings, listener: socket.socket) -> None:
    """Migrate, create the first admin, serve until SIGTERM or SIGINT; raise StartError."""
    _migrate(settings)
    server = _open(app, settings, listener)  # listens: from here on no other program can take the port
    first_admin = _create_first_admin(settings)
    _say(f"Larder answers at {_base(settings)}/api/v1, its documentation is at {_base(settings)}{DOCS_PATH}")
    if first_admin:
        email, password = first_admin
        _say(f"First admin, shown this once: sign in as {email} with the password {password}")
    # Between two turns of the loop: a connection that is being accepted must be known before anybody counts them.
    signal.signal(signal.SIGTERM, lambda *_: server.call_soon(_begin_drain))
    threading.Thread(target=_notify_when_ready, args=(settings,), daemon=True).start()
    consumer = jobs.start_consumer() if settings.jobs == "inline" else None
    server.run()
    if consumer:
        consumer.stop(graceful=True)
    metrics.close()


def _migrate(settings: Settings) -> None:
    if settings.upgrade_at_start:
        for name in migrations.upgrade():
            log.info("migrated", migration=name)
    with connected():  # not before: a migration may need more
        database.limit_memory(settings.sqlite_memory_bytes)


def _open(app: Flask, settings: Settings, listener: socket.socket) -> Server:
    try:
        server = open_server(app, listener, settings)
    except OSError as error:
        raise cannot_listen(settings, error) from error
    server.owns_socket = not has_passed_socket()
    return server


def _create_first_admin(settings: Settings) -> tuple[str, str] | None:
    """Create an admin if there is none; return (email, password) if the password was generated; raise StartError."""
    try:
        return sign_in.create_first_admin(settings)
    except LarderError as error:
        raise cannot_create_admin(error.message, error.details.get("json", {})) from error


def _base(settings: Settings) -> str:
    return f"http://{settings.host}:{settings.port}"


def _say(line: str) -> None:
    with suppress(OSError):  # nobody reads it: serve all the same
        print(line, flush=True)


def _notify_when_ready(settings: Settings) -> None:
    """Notify the service manager when requests can be answered, not only that the process runs."""
    while any_failed(ready.run_checks(settings)):
        time.sleep(SECONDS_BETWEEN_LOOKS)
    notify("READY=1")


def _begin_drain(server: Server) -> None:
    # The second SIGTERM, ours or an impatient operator's, ends the loop of the main thread. Not SIGINT: a process that
    # a script has put into the background ignores it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    notify("STOPPING=1")
    server.is_draining = True
    server.accepting = False
    if server.owns_socket:
        _leave_port(server)
    threading.Thread(target=_stop_when_idle, args=(server,), daemon=True).start()


def _leave_port(server: Server) -> None:
    """Let the kernel give new connections to the other processes on the port; take those that it has given to us."""
    known = -1
    while known < (known := len(server.active_channels)):
        server.handle_accept()
    wasyncore.dispatcher.close(server)


def _stop_when_idle(server: Server) -> None:
    """End the loop of the main thread when all connections are closed or, for a while, have nothing to do.

    That time is counted in looks, not by the clock: if the machine has stood still, a request may wait to be read.
    """
    last_moment, quiet_looks = time.monotonic() + DRAIN_SECONDS, 0
    while (now := time.monotonic()) < last_moment and (channels := list(server.active_channels.values())):
        busy = [channel.is_busy(now) for channel in channels]  # a list: each of them is to be measured at each look
        quiet_looks = 0 if any(busy) else quiet_looks + 1
        if quiet_looks * LOOK_SECONDS > IDLE_SECONDS:
            break
        time.sleep(LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
