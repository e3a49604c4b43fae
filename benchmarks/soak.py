"""Whether memory and descriptors stay flat under a mixed load: `python -m benchmarks.soak`.

Two processes on one socket answer reads of every kind, writes, batches, imports, exports, aggregates, sign-ins,
refreshes and OpenAPI documents for some minutes, while definitions change every few seconds: fields are added, renamed
and dropped, and resources are created and dropped. The number of records stays the same. Every second the resident
memory and the open descriptors of each process are read. The median of the last fifth of the time is compared with that
of the third fifth, in the middle: the memory is flat if it is larger by less than 2 % or 4 MiB, the descriptors if
there are less than 6 more. Medians, because a sample now and then meets the 19 MiB of a password hash, or the
connections that a change of a definition has just closed; with a sample every five seconds, they differed by up to 5
MiB by chance. The exit status is 0 if everything is flat and no request failed. Results:
`benchmarks/results/soak-<database>.md` and `.svg`.
"""

import argparse
import http.client
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from benchmarks.plot import line_chart
from benchmarks.processes import database, running
from benchmarks.soak_load import OPERATIONS, Changer, Client, prepare

RESULTS = Path(__file__).parent / "results"
SAMPLE_SECONDS = 1
FLAT_SHARE, FLAT_MIB = 0.02, 4.0
FLAT_DESCRIPTORS = 6  # those of three connections to SQLite: the pool has as many as the load has just needed


def main():
    """Run, print and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--resources", type=int, default=20, help="besides those that are written")
    parser.add_argument("--change-seconds", type=float, default=3, help="pause between two changes of definitions")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between two requests of a client")
    parser.add_argument("--only", choices=OPERATIONS, nargs="+", help="kinds of requests; all by default")
    parser.add_argument("--postgres", action="store_true")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        database(folder, postgres=options.postgres) as url,
        running(folder, database_url=url, log_level="WARNING") as servers,
    ):
        prepare(servers[0], options.resources)
        samples, counts, errors = _run(servers, options)
    lines = _report(samples, counts, errors, options)
    print("\n".join(lines))
    name = f"soak-{'postgres' if options.postgres else 'sqlite'}"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text("\n".join([*lines, "", f"![Memory of the processes]({name}.svg)", ""]))
    memory = {f"process {i + 1}": [(each[0], each[1]) for each in of_one] for i, of_one in enumerate(samples)}
    (RESULTS / f"{name}.svg").write_text(line_chart("Resident memory in MiB, by minute", memory))
    sys.exit(0 if not errors and all(_flat(each) for each in samples) else 1)


def _run(servers, options):
    """Return the samples of each process, (minutes, MiB, descriptors), the Counter of requests, and that of errors."""
    stopped, counts, errors = threading.Event(), Counter(), Counter()
    chosen = options.only or list(OPERATIONS)
    weights = [OPERATIONS[name] for name in chosen]

    def work(client, number):
        dice = random.Random(number)
        while not stopped.wait(options.pause):
            name = dice.choices(chosen, weights)[0]
            _counted(getattr(client, name), name, counts, errors)

    def change():
        changer = Changer(servers[0])
        while not stopped.wait(options.change_seconds):
            _counted(changer.step, "change", counts, errors)

    clients = [Client(servers[0], number) for number in range(options.clients)]
    threads = [threading.Thread(target=work, args=(client, number)) for number, client in enumerate(clients)]
    threads += [threading.Thread(target=change)]
    for thread in threads:
        thread.start()
    samples = [[] for _ in servers]
    began = time.monotonic()
    while (minutes := (time.monotonic() - began) / 60) < options.minutes:
        for sample, server in zip(samples, servers, strict=True):
            sample.append((minutes, server.rss_mb, server.descriptors))
        time.sleep(SAMPLE_SECONDS)
    stopped.set()
    for thread in threads:
        thread.join()
    return samples, counts, errors


def _counted(call, name, counts, errors):
    try:
        counts[f"{name}, later" if call() == 503 else name] += 1
    except (RuntimeError, OSError, ValueError, LookupError, http.client.HTTPException) as error:
        errors[f"{name}: {error}"[:300]] += 1


def _middle_and_end(values):
    """Return the median of the third fifth, and that of the last."""
    fifth = max(len(values) // 5, 1)
    return statistics.median(values[2 * fifth : 3 * fifth] or values), statistics.median(values[-fifth:])


def _flat(samples):
    _, memory, descriptors = zip(*samples, strict=True)
    (middle, end), (fewer, more) = _middle_and_end(memory), _middle_and_end(descriptors)
    return end - middle < max(FLAT_SHARE * middle, FLAT_MIB) and more - fewer < FLAT_DESCRIPTORS


def _report(samples, counts, errors, options):
    kind = "Postgres" if options.postgres else "SQLite"
    done, later = sum(counts.values()), sum(count for name, count in counts.items() if name.endswith(", later"))
    lines = [
        f"{options.minutes:g} minutes of mixed load on {kind}, two processes, {options.clients} clients: "
        f"{done:,} requests, {counts['change']:,} changes of definitions, {later:,} asked to try again later, "
        f"{sum(errors.values()):,} errors.",
        "",
        "| process | memory at the start | third fifth | last fifth | growth | descriptors | |",
        "|---|---|---|---|---|---|---|",
    ]
    for number, each in enumerate(samples):
        _, memory, descriptors = zip(*each, strict=True)
        (middle, end), (fewer, more) = _middle_and_end(memory), _middle_and_end(descriptors)
        lines.append(
            f"| {number + 1} | {memory[0]:.0f} MiB | {middle:.0f} MiB | {end:.0f} MiB "
            f"| {end - middle:+.1f} MiB ({end / middle - 1:+.1%}) | {fewer:.0f} → {more:.0f} "
            f"| {'flat' if _flat(each) else '**grows**'} |"
        )
    kinds = ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))
    problems = [f"- {count} x {text}" for text, count in errors.most_common(20)]
    return [*lines, "", f"Requests by kind: {kinds}.", *problems]


if __name__ == "__main__":
    main()
