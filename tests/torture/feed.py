"""The fault of the feed of changes: everything is killed while clients follow it and a webhook sends it."""

import random
import time
from contextlib import contextmanager
from functools import partial

from tests.torture.faults import KILLS, fault
from tests.torture.followers import Follower, StreamFollower, complete_pages
from tests.torture.hooks import hook
from tests.torture.ledger import Ticket, read_page

KINDS = (Follower, Follower, Follower, StreamFollower, StreamFollower)
START_WITHIN = 2  # seconds, after which the last follower begins to list
OPTIONS = {"jobs": "off", "streams": 10, "webhook_networks": "127.0.0.0/8"}


@contextmanager
def followers(stage):
    """Run the jobs, a webhook and followers; yield the function of (ledger, caller) that yields what they saw wrong."""
    ticket = Ticket(stage.address)
    delays = [START_WITHIN * number / (len(KINDS) - 1) for number in range(len(KINDS))]
    clients = [kind(stage.address, ticket, *each) for kind, each in zip(KINDS, enumerate(delays), strict=True)]
    with stage.running_jobs(), hook(stage) as webhook:
        for client in clients:
            client.start()
        try:
            yield partial(_problems, clients, webhook)
        finally:
            for client in clients:
                client.stop.set()


def _problems(clients, webhook, ledger, caller):
    pages = complete_pages(partial(read_page, caller))
    final = {record["id"]: record["version"] for page in pages for record in page["data"]}
    for client in clients:
        yield from client.problems(ledger.changes, final)
    yield from webhook.problems({(record_id, version) for record_id, version, _ in clients[0].seen})


@fault("kill -9 of processes and jobs, followers of the feed", beside=followers, options=OPTIONS)
def kills_of_all(stage, seconds):
    """Kill and start the processes and the jobs at random moments."""
    yield
    for index in range(round(KILLS * min(seconds / 8, 1))):
        time.sleep(random.uniform(0.05, 0.8))
        stage.kill(index % 2)
        if index % 4 == 3:
            stage.kill_jobs()
