"""What a change of one definition costs a process that serves many: `python -m benchmarks.many_resources`.

CPU seconds of the first request after a field was added to one of 120 resources, to that resource and to another one,
and of the OpenAPI document; beside them what the same takes in a process that has just started, which makes everything.
"""

import argparse
import tempfile
import time
from pathlib import Path

from backend import create_app
from backend.config.settings import Settings
from backend.models.database import database
from backend.services import documents
from backend.services.access.actors import SYSTEM
from backend.services.operation import migrations

TYPES = ("string", "string", "string", "integer", "integer", "number", "decimal", "date", "datetime", "boolean")


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resources", type=int, default=120)
    count = parser.parse_args().resources
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/larder.db"
        settings = Settings(data_dir=Path(folder), database_url=url, log_level="WARNING", rate_limit="off")
        database.open(settings)
        migrations.upgrade()
        _apply({f"r{number}": _body(number) for number in range(count)})
        client = _measured("start", lambda: create_app(settings)).test_client()
        for when in ("first", "next"):
            for path in ("/api/v1/r0", "/api/v1/r5", "/openapi.json"):
                _measured(f"{when} {path}", lambda path=path: client.get(path))
        _apply({"r5": _body(5, more={"more": {"type": "string"}})})
        for path in ("/api/v1/r0", "/api/v1/r5", "/openapi.json"):
            _measured(f"after a change of r5: {path}", lambda path=path: client.get(path))
        database.close_all()


def _body(number, more=()):
    fields = {f"f{i}": {"type": kind} for i, kind in enumerate(TYPES)} | dict(more)
    if number % 3:  # in threes, each of which refers to the one before
        fields["before"] = {"type": "reference", "to": f"r{number - 1}"}
    return {"fields": fields, "access": {"list": ["public"], "read": ["public"]}}


def _apply(declared):
    with database.connection_context():
        documents.apply_document(SYSTEM, {"resources": declared})


def _measured(what, call):
    began = time.process_time()
    result = call()
    print(f"{what:40}{(time.process_time() - began) * 1000:8.0f} ms")
    return result


if __name__ == "__main__":
    main()
