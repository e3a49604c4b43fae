"""The server keeps to its own document, whatever Schemathesis generates from it: run it longer with `make fuzz`."""

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from tests.conftest import PASSWORD, SECRET_KEY, database_copy
from tests.parts import geo
from tests.parts.server import ROOT, Caller, running_server

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance"
)
SHORT = ["--phases", "examples,fuzzing,stateful", "--max-examples", "2", "--generation-deterministic"]
# Different inputs in every run; the phase `coverage` tries every bound of every parameter.
LONG = ["--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "500", "--continue-on-failure"]
# The first would end the session that the others are signed in with, the second changes what the document says.
EXCLUDED = ("logout", "replace_user_settings")
SECONDS = os.environ.get("FUZZ_SECONDS")  # how long `make fuzz` takes for each database
OPTIONS = [*LONG, "--max-time", SECONDS] if SECONDS else SHORT
# In the short form each database and each caller once: the rest of a run does not depend on both.
ALL_RUNS = [(url, name) for url in ("sqlite", "postgres") for name in ("admin", "alice")]
RUNS = ALL_RUNS if SECONDS else [("sqlite", "admin"), ("postgres", "alice")]


@pytest.fixture
def server(geo_url, request, tmp_path):
    """The address of a server with the example in it, and the token of an admin or of a member."""
    settings = {"secret_key": SECRET_KEY, "log_level": "WARNING", "access_token_seconds": 86_400}
    with (
        database_copy(request, geo_url, tmp_path) as url,
        running_server(tmp_path, database_url=url, **settings) as address,
        Caller(address) as caller,
    ):
        yield address, caller.sign_in(f"{request.param}@example.com", PASSWORD).token


def write_configuration(folder, address):
    """Give Schemathesis ids that exist: with random ids, no request would get past the look-up."""
    lines = []
    with Caller(address) as caller:
        for resource in geo.RESOURCES:
            records = caller.call("GET", f"/{resource}?per_page=10&sort=-id&fields=id")[1]["data"]
            lines += [f"[dictionaries.{resource}]", f"values = {json.dumps([record['id'] for record in records])}"]
    paths = [f"/api/v1/{resource}/{{record_id}}" for resource in geo.RESOURCES]
    known = {path: {"path.record_id": resource} for path, resource in zip(paths, geo.RESOURCES, strict=True)}
    for resource, field, target in (("countries", "continent", "continents"), ("cities", "country", "countries")):
        for path in (f"/api/v1/{resource}", f"/api/v1/{resource}/{{record_id}}"):
            known.setdefault(path, {})[f"body.{field}"] = target
    for path, parameters in known.items():
        bound = ", ".join(f'"{name}" = {{ dictionary = "{of}" }}' for name, of in parameters.items())
        lines += ["[[operations]]", f'include-path = "{path}"', f"parameters = {{ {bound} }}"]
    (folder / "schemathesis.toml").write_text("\n".join(lines))


def count_operations(address, token):
    """Return how many operations the document of the caller has."""
    document = Request(f"http://{address}/openapi.json", headers={"Authorization": f"Bearer {token}"})
    with urlopen(document) as response:
        paths = json.load(response)["paths"].values()
    return sum(method in ("get", "post", "put", "patch", "delete") for path in paths for method in path)


def run_schemathesis(folder, server, options):
    """Run the command, signed in, and return what became of it."""
    address, token = server
    command = [Path(sys.executable).parent / "schemathesis", "run", f"http://{address}/openapi.json", "--no-color"]
    excluded = [part for operation in EXCLUDED for part in ("--exclude-operation-id", operation)]
    chosen = ["--header", f"Authorization: Bearer {token}", *excluded]
    patient = ["--request-timeout", "120", "--suppress-health-check", "too_slow"]  # the machine may be busy
    return subprocess.run(
        [*command, *chosen, *patient, "--checks", CHECKS, *options],
        cwd=folder,
        env=os.environ | {"SCHEMATHESIS_HOOKS": "tests.routes.schemathesis_hooks", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


@pytest.mark.parametrize(("geo_url", "server"), RUNS, indirect=True)
def test_the_server_matches_its_document(server, tmp_path):
    write_configuration(tmp_path, server[0])
    count = count_operations(*server)
    result = run_schemathesis(tmp_path, server, OPTIONS)
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"Tested: {count - len(EXCLUDED)}\n" in result.stdout
    assert "unexpected error" not in (tmp_path / "server0.log").read_text()
