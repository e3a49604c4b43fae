"""`python -m tests.torture`: every fault on both databases, and a table of what clients saw.

Exits with 1 if a promise was broken. `--short` takes a few seconds for each, `--only WORD` the faults with the word in
their names, `--write` puts the table into docs/reliability.md.
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
from tests.parts.server import ROOT
from tests.torture import feed  # noqa: F401 # its fault
from tests.torture.faults import FAULTS, clock_variables
from tests.torture.files import file_problems, remains_after_a_day
from tests.torture.ledger import compare, prepare, read_everything, signed_in
from tests.torture.stage import Pulse, Stage, new_folder

PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"
HEADS = ("fault", "database", "acknowledged", "lost", "doubled", "responses", "`/health/live` at most", "writes after")
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


@dataclass
class Row:
    """What became of one fault on one database."""

    fault: str
    kind: str
    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    statuses: dict = None
    live_seconds: float = 0.0
    recovery_seconds: float = None
    problems: tuple = ()

    def cells(self):
        """Return the texts of the row."""
        answers = ", ".join(f"{count} × {status or 'none'}" for status, count in sorted(self.statuses.items(), key=str))
        after = "never" if self.recovery_seconds is None else f"{self.recovery_seconds:.1f} s"
        counts = (self.acknowledged, self.lost, self.doubled)
        return (self.fault, self.kind, *map(str, counts), answers, f"{self.live_seconds:.2f} s", after)


def run(fault, kind, length):
    """Return the Row of a fault."""
    with ExitStack() as stack:
        folder = stack.enter_context(new_folder(fault.small_disk))
        variables = clock_variables(folder) if fault.name.startswith("clock") else None
        reader, writer = os.pipe() if fault.stderr else (None, None)
        stage = Stage(kind, folder, variables, writer, **fault.options)
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
    row.live_seconds, row.recovery_seconds = pulse.slowest, recovery
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
    if row.live_seconds > length.live:
        yield f"/health/live took {row.live_seconds:.1f} s"
    if pulse.failures and not fault.name.startswith(("kill", "no descriptors")):
        yield f"{pulse.failures} times no answer of /health/live"
    if row.recovery_seconds is None or row.recovery_seconds > length.recovery:
        yield f"writes succeeded again after {row.recovery_seconds} s"


def to_markdown(rows):
    """Return the table."""
    lines = [HEADS, ["---"] * len(HEADS), *(row.cells() for row in rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def write_page(table):
    """Put the table into the page."""
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}{table}{END}{after}")


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__.split("\n")[0])
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--database", choices=["sqlite", "postgres"])
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    os.environ["PATH"] = f"{BINARIES}{os.pathsep}" + os.environ["PATH"]  # pg_dump of the server's own version
    length = SHORT if options.short else LONG
    rows = []
    for fault in FAULTS:
        for kind in fault.on:
            if options.only not in fault.name or options.database not in (None, kind):
                continue
            if lacking := fault.needs():
                print(f"{fault.name}: not run, needs {lacking}", flush=True)
                continue
            try:
                rows.append(run(fault, kind, length))
            except (AssertionError, OSError, http.client.HTTPException, subprocess.SubprocessError) as error:
                trace = "".join(traceback.format_exception(error))
                rows.append(Row(fault.name, kind, statuses={}, problems=(f"the run failed: {trace}",)))
            print("\t".join(rows[-1].cells()), *rows[-1].problems, sep="\n    ", flush=True)
    table = to_markdown(rows)
    print(f"\n{table}")
    if options.write:
        write_page(table)
    broken = [(row.fault, row.kind, problem) for row in rows for problem in row.problems]
    print(*broken or ["Every promise was kept."], sep="\n")
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
