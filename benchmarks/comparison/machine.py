"""The machine and the versions that a measurement was made with."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import cysqlite

ROOT = Path(__file__).parents[2]
LIBRARIES = ("Flask", "flask-smorest", "marshmallow", "peewee", "waitress", "psycopg")


def describe():
    """Return the facts of this machine by name, as texts."""
    return {
        "CPU": f"{os.cpu_count()} cores, {_after('/proc/cpuinfo', 'model name')}",
        "memory": f"{int(_after('/proc/meminfo', 'MemTotal').split()[0]) / 2**20:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "load before": f"{os.getloadavg()[0]:.1f} in the last minute",
        "Python": platform.python_version(),
        "SQLite": _sqlite_version(),
        "libraries": ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
        "wrk": _output("wrk", "-v").split()[1],
    }


def commit():
    """Return the short name of the commit that is measured, with `+` if files of it are changed."""
    name = _output("git", "-C", ROOT, "rev-parse", "--short", "HEAD").strip()
    return name + "+" * bool(_output("git", "-C", ROOT, "status", "--porcelain", "backend"))


def _after(path, key):
    for line in Path(path).read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return "unknown 0"


def _sqlite_version():
    connection = cysqlite.connect(":memory:")
    try:
        return connection.execute("SELECT sqlite_version()").fetchone()[0]
    finally:
        connection.close()


def _output(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout
