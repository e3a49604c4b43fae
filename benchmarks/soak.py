"""Whether memory and descriptors stay flat under a mixed load: `python -m benchmarks.soak`.

Two processes on one socket answer reads of every kind, writes, batches, imports, exports, aggregates, sign-ins,
refreshes and OpenAPI documents for some minutes, while definitions change every few seconds: fields are added, renamed
and dropped, and resources are created and dropped. The number of records stays the same. Every five seconds the
resident memory and the open descriptors of each process are read. Over the second half, a straight line is fitted; the
memory is flat if this line grows by less than 2 % or 4 MiB, the descriptors if it grows by less than 4. The exit
status is 0 if everything is flat and no request failed. Results: `benchmarks/results/soak-<database>.md` and `.svg`.
"""

import argparse
import http.client
import random
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
SAMPLE_SECONDS = 5
FLAT_SHARE, FLAT_MIB, FLAT_DESCRIPTORS = 0.02, 4.0, 4


def main():
    """Run, print and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--resources", type=int, default=20, help="besides those that are written")
    parser.add_argument("--change-seconds", type=float, default=3, help="pause between two changes of definitions")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between two requests of a client")
    parser.add_argument("--only", choices=OPERATIONS, nargs="+", help="kinds of requests; all by default")
    parser.add_argument("--malloc-arenas", help="MALLOC_ARENA_MAX of the servers")
    parser.add_argument("--postgres", action="store_true")
    options = parser.parse_args()
    variables = {"MALLOC_ARENA_MAX": options.malloc_arenas} if options.malloc_arenas else {}
    with (
        tempfile.TemporaryDirectory() as folder,
        database(folder, postgres=options.postgres) as url,
        running(folder, database_url=url, log_level="WARNING", variables=variables) as servers,
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

    def work(number):
        client, dice = Client(servers[0], number), random.Random(number)
        while not stopped.wait(options.pause):
            name = dice.choices(chosen, weights)[0]
            _counted(getattr(client, name), name, counts, errors)

    def change():
        changer = Changer(servers[0])
        while not stopped.wait(options.change_seconds):
            _counted(changer.step, "change", counts, errors)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(options.clients)]
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


def _growth(points):
    """Return the growth over the second half, by the line that fits it best, and its mean."""
    half = points[len(points) // 2 :]
    times, values = zip(*half, strict=True)
    middle, mean = sum(times) / len(half), sum(values) / len(half)
    spread = sum((t - middle) ** 2 for t in times) or 1.0
    slope = sum((t - middle) * (v - mean) for t, v in half) / spread
    return slope * (times[-1] - times[0]), mean


def _flat(samples):
    memory, mean = _growth([(t, rss) for t, rss, _ in samples])
    descriptors, _ = _growth([(t, count) for t, _, count in samples])
    return memory < max(FLAT_SHARE * mean, FLAT_MIB) and descriptors < FLAT_DESCRIPTORS


def _report(samples, counts, errors, options):
    kind = "Postgres" if options.postgres else "SQLite"
    done, later = sum(counts.values()), sum(count for name, count in counts.items() if name.endswith(", later"))
    lines = [
        f"{options.minutes:g} minutes of mixed load on {kind}, two processes, {options.clients} clients: "
        f"{done:,} requests, {counts['change']:,} changes of definitions, {later:,} asked to try again later, "
        f"{sum(errors.values()):,} errors.",
        "",
        "| process | memory at the start | at half time | at the end | growth over the second half | descriptors | |",
        "|---|---|---|---|---|---|---|",
    ]
    for number, each in enumerate(samples):
        growth, mean = _growth([(t, rss) for t, rss, _ in each])
        first, half, last = each[0][1], each[len(each) // 2][1], each[-1][1]
        lines.append(
            f"| {number + 1} | {first:.0f} MiB | {half:.0f} MiB | {last:.0f} MiB "
            f"| {growth:+.1f} MiB ({growth / mean:+.1%}) | {each[len(each) // 2][2]} → {each[-1][2]} "
            f"| {'flat' if _flat(each) else '**grows**'} |"
        )
    kinds = ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))
    problems = [f"- {count} x {text}" for text, count in errors.most_common(20)]
    return [*lines, "", f"Requests by kind: {kinds}.", *problems]


if __name__ == "__main__":
    main()
