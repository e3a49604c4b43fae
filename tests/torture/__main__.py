"""`python -m tests.torture`: every fault on both databases, and a table of what clients saw.

Exits with 1 if a promise was broken. `--short` takes a few seconds for each, `--only WORD` the faults with the word in
their names, `--write` puts the table into docs/reliability.md. `--changes NUMBER` causes the faults of the feed until 8
clients have made so many changes.
"""

import argparse
import http.client
import json
import os
import subprocess
import sys
import time
import traceback
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass

from tests.parts.postgres import BINARIES
from tests.torture import feed  # noqa: F401 # its fault
from tests.torture.faults import FAULTS, clock_variables
from tests.torture.files import file_problems, remains_after_a_day
from tests.torture.ledger import compare, prepare, read_everything, signed_in
from tests.torture.report import Row, show_faults, show_figures
from tests.torture.stage import Pulse, Stage, new_folder

ALLOWED = {200, 201, 401, 404, 409, 412, 503, 507, None}
ALLOWED_IF_FORGOTTEN = ALLOWED | {422}  # a record that names a file whose upload a restore has undone


@dataclass(frozen=True)
class Length:
    """How long things take, in seconds, and how many clients write; what `/health/live` and the first write may take.

    The short form, which runs on machines that are busy with other things, distinguishes a hang from a response.
    """

    load: float
    fault: float
    clients: int
    live: float
    recovery: float


LONG, SHORT = Length(120, 8, 60, live=1, recovery=10), Length(4, 3, 12, live=5, recovery=30)
MANY = Length(0, 8, 8, live=5, recovery=30)  # of changes


def run(fault, kind, length, changes=0):
    """Return the Row of a fault, with so many changes at least."""
    with ExitStack() as stack:
        folder = stack.enter_context(new_folder(fault.small_disk))
        variables = clock_variables(folder) if fault.name.startswith("clock") else None
        reader, writer = os.pipe() if fault.stderr else (None, None)
        stage = Stage(kind, folder, variables, writer, changes=changes, **fault.options)
        stage.log_reader = reader
        with stage.open():
            if writer is not None:
                os.close(writer)
            prepare(stage.address, fault.records, feed=fault.beside is not None)
            row = _run_on(stage, fault, length)
        if stage.log_reader is not None:
            os.close(stage.log_reader)
    return row


def _run_on(stage, fault, length):
    pulse = Pulse(stage.address)
    pulse.start()
    with fault.beside(stage) if fault.beside else nullcontext() as problems_beside:
        with stage.writing(length.clients, sends_files=fault.sends_files) as ledger:
            time.sleep(length.fault / 4)
            with fault.around(stage, length.load if fault.name.startswith("none") else length.fault):
                pass
            recovery = stage.seconds_until_a_write()
            if fault.forgets:
                ledger.forget()
            time.sleep(length.fault / 4)
        pulse.end()
        with signed_in(stage.address) as caller:
            lost, doubled = compare(ledger, read_everything(caller))
            wrong = [*file_problems(stage, caller)]
            if problems_beside:
                wrong += problems_beside(ledger, caller)
    if not fault.forgets and (left := remains_after_a_day(stage)):
        wrong.append(f"{left} files without a row are left after a day")
    row = Row(fault.name, stage.kind, ledger.acknowledged, len(lost), len(doubled), dict(ledger.statuses))
    row.live_seconds, row.recovery_seconds, row.figures = pulse.slowest, recovery, dict(stage.figures)
    row.problems = (
        *_problems(row, fault, length, pulse, ledger),
        *wrong,
        *_defects(stage.folder / "server.log"),
    )
    return row


def _defects(log):
    """Yield what the processes logged of unexpected errors; a log of their own is not read."""
    for line in log.read_text().splitlines():
        if '"unexpected error"' in line:
            yield json.loads(line)["exception"][-2000:]


def _problems(row, fault, length, pulse, ledger):
    """Yield the promises that were broken, in words."""
    if row.lost or row.doubled:
        yield f"{row.lost} acknowledged writes lost or half there, {row.doubled} doubled"
    if odd := set(row.statuses) - (ALLOWED_IF_FORGOTTEN if fault.forgets else ALLOWED):
        yield f"answers {odd}: {ledger.odd[:2]}"
    failed = sum(row.statuses.get(status, 0) for status in (None, 503, 507))
    if failed and not fault.fails:
        yield f"{failed} requests failed"
    if row.live_seconds > length.live and not fault.leaves_none:
        yield f"/health/live took {row.live_seconds:.1f} s"
    if pulse.failures and not fault.name.startswith(("kill", "no descriptors")):
        yield f"{pulse.failures} times no answer of /health/live"
    if row.recovery_seconds is None or row.recovery_seconds > length.recovery:
        yield f"writes succeeded again after {row.recovery_seconds} s"


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__.split("\n")[0])
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--database", choices=["sqlite", "postgres"])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--changes", type=int, default=0)
    options = parser.parse_args()
    os.environ["PATH"] = f"{BINARIES}{os.pathsep}" + os.environ["PATH"]  # pg_dump of the server's own version
    length = MANY if options.changes else SHORT if options.short else LONG
    rows = []
    for fault in FAULTS:
        for kind in fault.on:
            if options.only not in fault.name or options.database not in (None, kind):
                continue
            if options.changes and fault.beside is None:
                continue
            if lacking := fault.needs():
                print(f"{fault.name}: not run, needs {lacking}", flush=True)
                continue
            try:
                rows.append(run(fault, kind, length, options.changes))
            except (AssertionError, OSError, http.client.HTTPException, subprocess.SubprocessError) as error:
                trace = "".join(traceback.format_exception(error))
                rows.append(Row(fault.name, kind, statuses={}, problems=(f"the run failed: {trace}",)))
            print("\t".join(rows[-1].cells()), *rows[-1].problems, sep="\n    ", flush=True)
            if options.changes:
                print(rows[-1].figures, flush=True)
    if options.changes:
        show_figures(rows, write=options.write)
    else:
        show_faults(rows, write=options.write)
    broken = [(row.fault, row.kind, problem) for row in rows for problem in row.problems]
    print(*broken or ["Every promise was kept."], sep="\n")
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
