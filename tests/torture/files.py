"""What must be true of uploaded files after a fault: rows have their bytes, and bytes without a row do not stay."""

import hashlib
import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import cysqlite
import psycopg

from tests.parts.server import ROOT, environment
from tests.torture.faults import clock_variables, set_clock

DAY_LATER = 25 * 3600  # seconds
CLEAN_UP = """
from backend import create_app
from backend.services.operation.file_cleanup import clean_up_files
app = create_app()
clean_up_files(app.settings)
"""


def file_problems(stage, caller):
    """Yield what is wrong with the files of a stage whose clients have ended, in words."""
    rows, stored = _rows(stage), _stored(stage)
    if missing := [file_id for file_id in rows if file_id not in stored]:
        yield f"{len(missing)} files have no bytes: {missing[:3]}"
    if damaged := [file_id for file_id, path in stored.items() if rows.get(file_id, _sha256(path)) != _sha256(path)]:
        yield f"{len(damaged)} files have other bytes: {damaged[:3]}"
    caller.connection.request("GET", "/health/checks", headers={"Authorization": f"Bearer {caller.token}"})
    checks = json.load(caller.connection.getresponse())["data"]
    if [check["state"] for check in checks if check["name"] == "storage"] != ["ok"]:
        yield f"doctor does not agree: {checks}"


def remains_after_a_day(stage):
    """Return how many files without a row are left by the clean-up of the next day."""
    folder = stage.folder / "day-later"
    folder.mkdir()
    variables = environment(stage.settings) | clock_variables(folder)
    set_clock(folder, DAY_LATER)
    command = [sys.executable, "-c", CLEAN_UP]
    ran = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    return len(_stored(stage).keys() - _rows(stage).keys())


def _rows(stage):
    """Return {id: SHA-256} of all files, as their rows say."""
    query = "SELECT id, sha256 FROM larder_files"
    if stage.kind == "sqlite":
        with closing(cysqlite.connect(stage.database_url.removeprefix("sqlite:///"), timeout=30)) as connection:
            rows = connection.execute(query).fetchall()
    else:
        with psycopg.connect(stage.database_url) as connection:
            rows = connection.execute(query).fetchall()
    return {str(file_id): sha256 for file_id, sha256 in rows}


def _stored(stage):
    """Return {id: path} of the stored files, unfinished ones included."""
    folder = Path(stage.settings["data_dir"]) / "files"
    return {path.name: path for path in folder.rglob("*") if path.is_file()}


def _sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()
