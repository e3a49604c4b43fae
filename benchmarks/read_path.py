"""How fast lists and single records are read: `python -m benchmarks.read_path`.

Three servers run on the same waitress: Larder; Larder with a list made through Peewee models and `schema.dump`, all
else being equal; and a bare Flask view. They are loaded in turns, round by round, so that noise on the machine meets
all of them; the medians of the rounds are compared.
"""

import argparse
import json
import logging
import multiprocessing
import socket
import statistics
import tempfile
import time
import urllib.request
from pathlib import Path

import waitress
from flask import Flask, jsonify
from marshmallow import Schema

from backend import create_app
from backend.config.settings import Settings
from backend.models.database import database
from backend.services import documents
from backend.services.access.actors import SYSTEM
from backend.services.accounts import sign_in
from backend.services.accounts.passwords import hashing
from backend.services.definitions.catalog import Catalogs
from backend.services.operation import migrations
from backend.services.records.imports.importing import CsvRows, import_records
from benchmarks.load import requests_per_second

GEO = Path(__file__).parent.parent / "examples" / "geo"
PASSWORD = "correct horse battery"
LIST = "/api/v1/cities?per_page=100&sort=-population&count=false"


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            data_dir=Path(folder), admin_email="admin@example.com", admin_password=PASSWORD, rate_limit="1000000/second"
        )
        _load_example(settings)
        servers = [_start(_larder, settings), _start(_bare)]
        larder, bare = (port for _, port in servers)
        token = _sign_in(larder)
        record = _first_city(larder)
        measured = {
            "list of 100, made by the database": (larder, LIST, None),
            "list of 100, models and schema.dump": (larder, "/models/cities", None),
            "one record, signed in": (larder, f"/api/v1/cities/{record}", token),
            "bare Flask view": (bare, "/", None),
        }
        rates = {name: [] for name in measured}
        for _ in range(arguments.rounds):
            for name, (port, path, bearer) in measured.items():
                rates[name].append(requests_per_second(port, path, token=bearer, seconds=arguments.seconds))
        for process, _ in servers:
            process.terminate()
    medians = {name: statistics.median(values) for name, values in rates.items()}
    for name, rate in medians.items():
        print(f"{name:40} {rate:8.0f} requests/s")
    fast, slow, one, plain = medians.values()
    print(f"list: {fast / slow:.2f} times models and schema.dump; one record: {one / plain:.2f} of a bare Flask view")


def _load_example(settings):
    import yaml

    database.open(settings)
    hashing.open(settings)
    migrations.upgrade()
    sign_in.create_first_admin(settings)
    with database.connection_context():
        documents.apply_document(SYSTEM, yaml.safe_load((GEO / "resources.yml").read_text()))
        catalog = Catalogs(["a key that signs nothing that stays"]).newest
        for name in ("continents", "countries", "cities"):
            with (GEO / f"{name}.csv").open("rb") as file:
                import_records(SYSTEM, catalog[name], CsvRows(file))
    database.close_all()


def _larder(settings, listener):
    app = create_app(settings)
    cities = app.catalog["cities"]
    schema = Schema.from_dict({f"f_{name}": field.json_field(data_key=name) for name, field in cities.fields.items()})(
        many=True
    )

    @app.get("/models/cities")
    def through_models():
        order = (cities.column("population").desc(nulls="LAST"), cities.column("id"))
        rows = cities.model.select().order_by(*order).limit(100)
        meta = {"page": 1, "per_page": 100, "total": None, "pages": None, "next_cursor": None}
        return jsonify(success=True, data=schema.dump(rows), meta=meta, message="OK", timestamp="")

    waitress.serve(app, sockets=[listener], threads=settings.threads, _quiet=True)


def _bare(listener):
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # as Larder's own server has it: not a line a request
    app = Flask("bare")

    @app.get("/")
    def hello():
        return {"hello": "world"}

    waitress.serve(app, sockets=[listener], threads=Settings().threads, _quiet=True)


def _start(serve, *arguments):
    listener = socket.create_server(("127.0.0.1", 0))
    process = multiprocessing.get_context("fork").Process(target=serve, args=(*arguments, listener), daemon=True)
    process.start()
    port = listener.getsockname()[1]
    listener.close()
    return process, port


def _sign_in(port):
    body = json.dumps({"email": "admin@example.com", "password": PASSWORD}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1/auth/login", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["data"]["access_token"]


def _first_city(port):
    time.sleep(0.5)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/cities?per_page=1") as answer:
        return json.load(answer)["data"][0]["id"]


if __name__ == "__main__":
    main()
