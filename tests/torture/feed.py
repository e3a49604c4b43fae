"""The fault of the feed of changes: everything is killed while clients follow it and a webhook sends it."""

import random
import time
from contextlib import contextmanager
from functools import partial

from tests.torture.clients import Ticket
from tests.torture.faults import KILLS, fault
from tests.torture.followers import CATCH_UP_SECONDS, Follower, Lister, StreamFollower
from tests.torture.hooks import hook
from tests.torture.order import apply, feed_problems, read_feed, read_records

# Clients, and after how many seconds each begins to list and to follow.
FOLLOWERS = [(Follower, 0), (Follower, 0), (Follower, 0), (Follower, 1), (StreamFollower, 0), (StreamFollower, 2)]
OPTIONS = {"jobs": "off", "streams": 10, "webhook_networks": "127.0.0.0/8"}
VICTIMS = [(0,), (0,), (1,), (1,), (0, 1), None]  # which processes are killed; None: that of the jobs
MAX_SECONDS = 1800


@contextmanager
def followers(stage):
    """Run the jobs, a webhook and followers; yield the function of (ledger, caller) that yields what they saw wrong."""
    ticket = Ticket(stage.address)
    clients = [kind(stage.address, ticket, number, delay) for number, (kind, delay) in enumerate(FOLLOWERS)]
    lister = Lister(stage.address, ticket, len(clients))
    beginning = clients[0].cursor
    with stage.running_jobs(), hook(stage) as webhook:
        for client in (*clients, lister):
            client.start()
        try:
            yield partial(_problems, stage, (beginning, clients, lister, webhook))
        finally:
            for client in (*clients, lister):
                client.stop.set()


def _problems(stage, readers, ledger, caller):
    beginning, clients, lister, webhook = readers
    lister.stop.set()
    lister.join()
    feed, final, codes = _read_all(caller, beginning)
    yield from feed_problems(feed, ledger, codes)
    for client in clients:
        yield from client.problems(feed, final)
    yield from lister.problems(caller, feed, final)
    yield from webhook.problems({(change.id, change.version) for change in feed})
    stage.figures |= {
        "acknowledged changes": len(ledger.changes),
        "others in the feed": len(feed) - len(ledger.changes),
        "lists": len(lister.lists),
        "streams": sum(client.connections for client in clients),
        **webhook.figures(),
    }


def _read_all(caller, beginning):
    """Return all changes, and what read_records returns, once they agree."""
    deadline = time.monotonic() + CATCH_UP_SECONDS
    while True:
        final, codes = read_records(caller)
        feed = read_feed(caller, beginning)
        if apply(feed) == final or time.monotonic() > deadline:
            return feed, final, codes
        time.sleep(0.2)


@fault("kill -9 of processes and jobs, followers of the feed", beside=followers, leaves_none=True, options=OPTIONS)
def kills_of_all(stage, seconds):
    """Kill and start the processes and the jobs at random moments, until so many changes as wanted are acknowledged."""
    yield
    left, began = round(KILLS * min(seconds / 8, 1)), time.monotonic()
    deadline = began + MAX_SECONDS
    while (left > 0 or len(stage.ledger.changes) < stage.changes) and time.monotonic() < deadline:
        time.sleep(random.uniform(0.05, 0.8))
        victims = random.choice(VICTIMS)
        if victims is None:
            stage.kill_jobs()
        else:
            stage.kill(*victims)
        left -= 1
    stage.figures["seconds of writing"] = round(time.monotonic() - began)
