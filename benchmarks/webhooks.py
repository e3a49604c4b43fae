"""What webhooks cost, and how fast they are: `python -m benchmarks.webhooks`.

One process answers requests, and sends webhooks itself or leaves that to `flask jobs run`; the receivers are in the
process of the benchmark. Measured are the time from the response to a writer until the receiver has the message, the
waits of paced writers with and without webhooks, in interleaved rounds, and how many messages a second leave a backlog.
With `--postgres` on Postgres. The section of `benchmarks/results/scale.md` is written anew.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager

from benchmarks.paced import CLIENTS, NOTES, parse_options, waits, waits_table
from benchmarks.processes import database, running
from benchmarks.soak_load import declare, expect
from benchmarks.tables import replace_section
from tests.parts.receiver import receiver
from tests.parts.server import ROOT, environment

SINGLE, BACKLOG, AT_ONCE, WEBHOOKS = 30, 900, 100, 5
PAUSE_SECONDS = 0.02  # of a writer
SLOW_SECONDS = 0.1


def main():
    """Measure, print and write."""
    options = parse_options(__doc__, 5)
    settings = {"log_level": "ERROR", "webhook_networks": "127.0.0.1"}
    measured, texts = [], []
    for jobs, title in (("inline", "sent by the server"), ("off", "sent by `flask jobs run`")):
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            url = stack.enter_context(database(folder, postgres=options.postgres))
            all_settings = {"database_url": url, "data_dir": folder, "jobs": jobs, **settings}
            (server,) = stack.enter_context(running(folder, 1, **all_settings))
            if jobs == "off":
                stack.enter_context(_jobs(folder, all_settings))
            rounds, text = _measure(server, options, title)
        measured += rounds
        texts += ["", text]
    text = f"Creates of {CLIENTS} writers, in interleaved rounds."
    lines = [*waits_table(measured), "", text, *texts]
    replace_section(f"Webhooks, {'Postgres' if options.postgres else 'SQLite'}", lines)


@contextmanager
def _jobs(folder, settings):
    """Run `flask jobs run` during the block."""
    command = [sys.executable, "-m", "flask", "--app", ROOT / "wsgi.py", "jobs", "run"]
    with subprocess.Popen(command, cwd=folder, env=environment(settings), stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def _measure(server, options, title):
    admin = server.caller()
    declare(admin, "notes", NOTES)
    without, with_webhooks = [], []
    for _ in range(options.rounds):
        without.append(waits(server, options.seconds, PAUSE_SECONDS, _creates))
        with _webhooks(admin, WEBHOOKS):
            with_webhooks.append(waits(server, options.seconds, PAUSE_SECONDS, _creates))
    with _webhooks(admin, 1) as (inbox,):
        delays = sorted(_delay(admin, inbox) for _ in range(SINGLE))
    rates = [_rate(admin, seconds) for seconds in (0, SLOW_SECONDS)]
    rounds = [("no webhooks", without), (f"{WEBHOOKS} webhooks, {title}", with_webhooks)]
    return rounds, (
        f"With webhooks {title}: a message reaches its receiver {statistics.median(delays) * 1000:.0f} ms after the "
        f"response to the writer (median of {SINGLE}), at most {delays[-1] * 1000:.0f} ms. From a backlog of {BACKLOG} "
        f"a webhook sends {rates[0]:.0f} messages a second, and {rates[1]:.0f} to a receiver that takes "
        f"{SLOW_SECONDS * 1000:.0f} ms for each."
    )


@contextmanager
def _webhooks(admin, count):
    """Yield the receivers of as many webhooks of all notes, which exist during the block."""
    with ExitStack() as stack:
        inboxes = [stack.enter_context(receiver()) for _ in range(count)]
        for inbox in inboxes:
            body = {"name": "Benchmark", "url": inbox.url, "resources": ["notes"], "roles": ["admin"]}
            _, answer = expect(admin, "POST", "/webhooks", body, status=201)
            stack.callback(expect, admin, "DELETE", f"/webhooks/{answer['data']['id']}")
        yield inboxes


def _creates(_):
    while True:
        yield [("POST", "/notes", {"title": "x"}, 201)]


def _delay(admin, inbox):
    expect(admin, "POST", "/notes", {"title": "x"}, status=201)
    began = time.perf_counter()
    while not inbox.messages:
        time.sleep(0.002)
    inbox.messages.clear()
    return time.perf_counter() - began


def _rate(admin, seconds):
    """Return how many messages a second leave a backlog, if the receiver takes so many seconds for each."""
    with _webhooks(admin, 1) as (inbox,):
        inbox.answer = lambda message: time.sleep(seconds) or 204
        operations = [{"op": "create", "resource": "notes", "data": {"title": "x"}}] * AT_ONCE
        for _ in range(BACKLOG // AT_ONCE):
            expect(admin, "POST", "/batch", {"operations": operations})
        before, began = len(inbox.messages), time.perf_counter()
        while len(inbox.messages) < BACKLOG:
            time.sleep(0.01)
        return (BACKLOG - before) / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
