"""The waitress server: its start, and a stop that lets running requests finish."""

import ctypes
import gc
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from functools import partial

import structlog
from waitress import wasyncore

from backend.config.service_manager import has_passed_socket, notify, passed_socket
from backend.config.settings import Settings
from backend.config.start import cannot_create_admin, cannot_listen, listen
from backend.middleware.announcement import announce, say
from backend.middleware.app import App
from backend.middleware.connections.server import Server, open_server
from backend.models.database import connected, database
from backend.services.accounts import sign_in
from backend.services.errors import LarderError
from backend.services.health import ready
from backend.services.health.check import any_failed
from backend.services.operation import migrations
from backend.services.operation.jobs import jobs
from backend.services.operation.metrics import metrics
from backend.services.storage.feed_watch import feed_watch
from backend.services.webhooks.dispatcher import Dispatcher

log = structlog.get_logger()

READY_POLL_SECONDS = 0.5
DRAIN_SECONDS = 30
# While the server stops, the next response on a connection announces its end (`Connection: close`). Without a request
# for this long, the connection is closed anyway.
IDLE_SECONDS = 3
# The views of a resource are many objects that stay. With Python's own threshold of 700 new objects, the garbage
# collector takes half of the CPU time in which they are created, and a tenth of that of other requests.
# Old objects are looked through at every 18th collection, because what a change of a definition has replaced is old. At
# every 36th, twice as much of it waits, up to 15 MiB.
NEW_OBJECTS, YOUNG, OLDER = 10_000, 5, 2
# From this size on, a block of memory goes back to the system when it is freed, and does not tear holes between smaller
# ones. By itself glibc raises the limit to the size of the largest block so far, such as the 19 MiB of a password hash;
# then a server with 30 resources and their OpenAPI document has 182 MiB instead of 131. With 128 KiB, 20 to 35 MiB lie
# free between blocks after some minutes of mixed load, with 32 KiB 10. Lists of 100 records take up to 5 % more CPU
# time, lists of 20 no more.
M_MMAP_THRESHOLD, OWN_MAPPING_BYTES = -3, 32 << 10  # mallopt(3)
# Smaller blocks come from arenas. By itself glibc gives each thread its own, up to eight per core, and each keeps what
# its busiest request has needed: after ten minutes of mixed load 90 MiB that nothing used, and more each minute. Two
# keep 20 MiB. One would cost a tenth more CPU time, because threads would wait for each other.
M_ARENA_MAX, ARENAS = -8, 2
# Free memory between blocks in use goes back to the system only when asked for. Under a mixed load 5 to 15 MiB become
# free in each second, and asking takes 1.5 ms. Asked every ten seconds, a process keeps what its busiest moments have
# needed: 10 to 15 MiB more. An idle process is not asked.
SECONDS_BETWEEN_TRIMS, CPU_SECONDS_BETWEEN_TRIMS = 1, 0.5
STOP_POLL_SECONDS = 0.02  # between two checks of the connections while the server stops


def take_port(settings: Settings) -> socket.socket:
    """Return the socket that the service manager passed, or a new one. Raises StartError if the port cannot be used."""
    return passed_socket() or listen(settings)


def run(app: App, settings: Settings, listener: socket.socket) -> None:
    """Migrate, create the first admin, and serve until SIGTERM or SIGINT. Raises StartError if the start fails."""
    _limit_kept_memory()
    _migrate(settings)
    server = _open(app, settings, listener)  # it listens: no other program can take the port any more
    first_admin = _create_first_admin(settings)
    announce(settings, settings.own_url)
    if first_admin:
        email, password = first_admin
        say(f"First admin, shown this once: sign in as {email} with the password {password}")
    # Run between two turns of the loop: _stop_when_idle must not overlook a connection that is just being accepted.
    signal.signal(signal.SIGTERM, lambda *_: server.call_soon(_begin_drain))
    threading.Thread(target=_notify_when_ready, args=(settings,), daemon=True).start()
    background = _start_background(app, settings) if settings.jobs == "inline" else []
    _tune_garbage_collection()
    metrics.begin_serving()
    server.run()
    for stop in background:
        stop()
    metrics.close()


def _start_background(app: App, settings: Settings) -> list[Callable[[], None]]:
    """Run jobs and webhooks in this process; return what stops each, after what it has begun."""
    dispatcher, consumer = Dispatcher(settings, app.catalogs), jobs.start_consumer()
    dispatcher.start()
    return [dispatcher.stop, partial(consumer.stop, graceful=True)]


def _migrate(settings: Settings) -> None:
    if settings.upgrade_at_start:
        for name in migrations.upgrade():
            log.info("migrated", migration=name)
    with connected():  # not earlier: a migration may need more memory
        database.limit_memory(settings.sqlite_memory_bytes)


def _open(app: App, settings: Settings, listener: socket.socket) -> Server:
    try:
        server = open_server(app, listener, settings)
    except OSError as error:
        raise cannot_listen(settings, error) from error
    server.owns_socket = not has_passed_socket()
    return server


def _create_first_admin(settings: Settings) -> tuple[str, str] | None:
    """Create an admin if there is none; return (email, password) if the password was generated.

    Raises StartError if the admin cannot be created.
    """
    try:
        return sign_in.create_first_admin(settings)
    except LarderError as error:
        raise cannot_create_admin(error.message, error.details.get("json", {})) from error


def _notify_when_ready(settings: Settings) -> None:
    """Notify the service manager when requests can be answered, not only that the process runs."""
    while any_failed(ready.run_checks(settings)):
        time.sleep(READY_POLL_SECONDS)
    notify("READY=1")


def _limit_kept_memory() -> None:
    """Limit the freed memory that the allocator keeps for later, where the C library is glibc."""
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(M_MMAP_THRESHOLD, OWN_MAPPING_BYTES)
        library.mallopt(M_ARENA_MAX, ARENAS)
        threading.Thread(target=_trim_regularly, args=(library,), daemon=True).start()


def _trim_regularly(library: ctypes.CDLL) -> None:
    trimmed_at = time.process_time()
    while True:
        time.sleep(SECONDS_BETWEEN_TRIMS)
        if time.process_time() - trimmed_at >= CPU_SECONDS_BETWEEN_TRIMS:
            library.malloc_trim(0)
            trimmed_at = time.process_time()


def _tune_garbage_collection() -> None:
    """Never look again through what the start has created, and collect only after many NEW_OBJECTS."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, YOUNG, OLDER)


def _begin_drain(server: Server) -> None:
    # The second SIGTERM, from _stop_when_idle or an operator, ends the main loop. SIGINT would not do: processes that a
    # shell script has started in the background ignore it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    notify("STOPPING=1")
    feed_watch.end_waits()
    server.is_draining = True
    server.accepting = False
    if server.owns_socket:
        _leave_port(server)
    threading.Thread(target=_stop_when_idle, args=(server,), daemon=True).start()


def _leave_port(server: Server) -> None:
    """Accept the connections that the kernel has given to this process, then leave new ones to the other processes."""
    known = -1
    while known < (known := len(server.active_channels)):
        server.handle_accept()
    wasyncore.dispatcher.close(server)


def _stop_when_idle(server: Server) -> None:
    """End the main loop when all connections are closed or idle for IDLE_SECONDS; after DRAIN_SECONDS in any case.

    The idle time is counted in polls, not by the clock: if the machine was suspended, a request may wait to be read.
    """
    deadline, idle_polls = time.monotonic() + DRAIN_SECONDS, 0
    while (now := time.monotonic()) < deadline and (channels := list(server.active_channels.values())):
        busy = [channel.is_busy(now) for channel in channels]  # a list, because each call also measures the channel
        idle_polls = 0 if any(busy) else idle_polls + 1
        if idle_polls * STOP_POLL_SECONDS > IDLE_SECONDS:
            break
        time.sleep(STOP_POLL_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
