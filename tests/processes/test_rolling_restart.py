"""Two processes on one socket, restarted one after the other while clients ask: none of them notices."""

import os
import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager

from tests.conftest import PASSWORD
from tests.parts.server import WITHOUT_LIMITS, Caller
from tests.parts.service_manager import Manager

RESTARTS = int(os.environ.get("RESTARTS", 2))
CLIENTS = 6
PAUSE_SECONDS = 0.02  # of a client after each answer: the machine has other work
REQUESTS = 100  # that are answered from each restart to the next
WAIT_SECONDS = 120


@contextmanager
def asking(address, token):
    """Have clients read and write until the end of the block; yield the Counter of the statuses they got."""
    stop, statuses = threading.Event(), Counter()

    def ask(number):
        keeps_connection = number % 2
        with ExitStack() as connections:
            caller = connections.enter_context(Caller(address, token))
            while not stop.is_set():
                method, body = ("POST", {"title": "x"}) if number % 3 else ("GET", None)
                statuses[caller.call(method, "/notes", body)[0]] += 1
                if not keeps_connection:
                    caller.connection.close()
                stop.wait(PAUSE_SECONDS)

    clients = [threading.Thread(target=ask, args=(number,)) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        yield statuses
    finally:
        stop.set()
        for client in clients:
            client.join()


def wait_for_answers(statuses, count):
    """Wait until so many requests more have been answered, WAIT_SECONDS at most."""
    wanted, deadline = statuses.total() + count, time.monotonic() + WAIT_SECONDS
    while statuses.total() < wanted and time.monotonic() < deadline:
        time.sleep(PAUSE_SECONDS)


def test_no_request_fails_while_processes_are_restarted(database_url, tmp_path):
    settings = WITHOUT_LIMITS | {"data_dir": tmp_path, "database_url": database_url, "jobs": "off"}
    with ExitStack() as stack:
        manager = Manager(tmp_path, settings)
        stack.callback(manager.close)
        processes = [manager.start(), manager.start()]
        with Caller(manager.address) as admin:
            admin.sign_in("admin@example.com", PASSWORD)
            admin.call("POST", "/resources", {"name": "notes", "fields": {"title": {"type": "string"}}})
            token = admin.token
        with asking(manager.address, token) as statuses:
            for restart in range(RESTARTS):
                assert manager.stop(processes[restart % 2]) == 0
                processes[restart % 2] = manager.start()
                wait_for_answers(statuses, REQUESTS)
        for process in processes:
            assert manager.stop(process) == 0
    assert set(statuses) == {200, 201}, statuses
    assert statuses.total() >= REQUESTS * RESTARTS, statuses
