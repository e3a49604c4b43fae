"""How long backups and restores of many files take: `python -m benchmarks.backups_of_files --files 20000 --kb 50`.

Each command runs in a process of its own, whose times and largest memory are printed as a table. The installation and
its backups are in a temporary folder of `--folder`; the target is a second folder there, which gets real copies.
"""

import argparse
import hashlib
import os
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

from backend import create_app
from backend.config.settings import Settings
from backend.models.database import database
from backend.models.file import File
from backend.services.files.storage import storage
from backend.services.operation import migrations
from backend.utils.ids import uuid7

ROWS_AT_ONCE = 1000


def main():
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--kb", type=int, default=50)
    parser.add_argument("--folder", default=tempfile.gettempdir())
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        settings = Settings(data_dir=Path(folder) / "data", backup_target=f"file://{folder}/target")
        seconds = _in_child(lambda: _fill(settings, options.files, options.kb * 1000))[0]
        print(f"{options.files:,} files of {options.kb} KB, written in {seconds:.0f} s\n")
        print("| command | seconds | CPU seconds | memory, MB |\n|---|---|---|---|")
        for name, command in _commands(settings).items():
            seconds, cpu, megabytes = _in_child(lambda command=command: _run(settings, command))
            print(f"| {name} | {seconds:.1f} | {cpu:.1f} | {megabytes:.0f} |", flush=True)


def _commands(settings):
    latest = lambda: max(path.name for path in settings.backup_dir.glob("*.zip"))  # noqa: E731
    lose = lambda: shutil.rmtree(settings.data_dir / "files")  # noqa: E731
    return {
        "nothing, to compare": lambda: ["list"],
        "first backup": lambda: ["create"],
        "next backup": lambda: ["create"],
        "verification": lambda: ["verify", latest()],
        "restore, all files are stored": lambda: ["restore", latest()],
        "restore without files": lambda: ["restore", latest(), "--without-files"],
        "restore into an empty storage": lambda: lose() or ["restore", latest()],
        "deletion of all but one": lambda: ["prune", "--keep", "1"],
    }


def _fill(settings, number, size):
    create_app(settings)
    migrations.upgrade()

    def store(_):
        content, file_id = os.urandom(size), uuid7()
        storage.save(file_id, BytesIO(content))
        place = {"resource": "places", "record_id": uuid7(), "field": "photo"}
        return {"id": file_id, "name": "a", "type": "image/png", "bytes": size, **place} | {
            "sha256": hashlib.sha256(content).hexdigest()
        }

    with ThreadPoolExecutor(8) as pool, database.connection_context():
        for start in range(0, number, ROWS_AT_ONCE):
            rows = list(pool.map(store, range(min(ROWS_AT_ONCE, number - start))))
            with database.atomic():
                for row in rows:
                    File.create(**row)


def _run(settings, command):
    result = create_app(settings).test_cli_runner().invoke(args=["backup", *command()])
    if result.exit_code:
        sys.exit(result.output)


def _in_child(function):
    """Call the function in a child process; return its seconds, its CPU seconds and its largest memory in MB."""
    began, child = time.monotonic(), os.fork()
    if not child:
        function()
        sys.stdout.flush()
        os._exit(0)
    _, status, usage = os.wait4(child, 0)
    if status:
        sys.exit("The child failed.")
    return (
        time.monotonic() - began,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss / 1000 * (1 if sys.platform == "linux" else 0.001),
    )


if __name__ == "__main__":
    main()
