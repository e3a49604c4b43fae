"""What was measured: as lines, and as files."""

import json
import statistics
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.comparison import plot, tables
from benchmarks.comparison.operations import OPERATIONS

FOLDER = Path(__file__).parents[1] / "results"


def line(run):
    """Return one measurement as a line."""
    return (
        f"{run['requests_per_second']:9.0f} requests/s  p50 {run['p50_ms']:7.1f} ms  p99 {run['p99_ms']:7.1f} ms  "
        f"CPU {run['cpu_us']:7.0f} us  RSS {run['rss_mb']:5.0f} MB  {run['errors']} errors"
    )


def collect(runs, servers, *, rounds, seconds, machine, commit):
    """Return everything as a dict for JSON; `runs` has the measurements by server and operation."""
    measured = {name: {} for name in servers}
    for (name, operation), each in runs.items():
        measured[name][operation] = _medians(each)
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": commit,
        "rounds": rounds,
        "seconds": seconds,
        "machine": machine,
        "servers": {
            name: {"title": server.title, "versions": server.versions, "remarks": server.remarks}
            for name, server in servers.items()
        },
        "operations": [
            {"name": each.name, "title": each.title}
            for each in OPERATIONS
            if any(operation == each.name for _, operation in runs)
        ],
        "measured": measured,
    }


def _medians(runs):
    medians = {name: round(statistics.median(run[name] for run in runs), 3) for name in runs[0]}
    return medians | {"errors": sum(run["errors"] for run in runs)}


def write(results, folder):
    """Write `comparison.json`, `comparison.md` and `comparison.svg` into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "comparison.json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    (folder / "comparison.md").write_text(tables.page(results) + "\n")
    (folder / "comparison.svg").write_text(plot.draw(results))
