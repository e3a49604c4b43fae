"""Metrics: `/metrics`, added up over processes."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from backend import create_app
from backend.models.database import database
from backend.models.job_run import JobRun
from backend.utils.clock import utcnow
from tests.conftest import ON_SQLITE, PASSWORD, Person
from tests.parts.server import ROOT, Caller, doomed_server, running_servers
from tests.parts.sockets import wait_for

HERE = "http://localhost/metrics"
TOKEN = "a token of metrics"


def samples(text):
    """Return {(name, labels as a sorted tuple): value}."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(found, name, **labels):
    """Return the sum of the samples of this name that have these labels."""
    wanted = set(labels.items())
    return sum(value for (each, had), value in found.items() if each == name and wanted <= set(had))


@pytest.fixture
def read(stranger):
    """A function that returns the samples of now."""
    return lambda: samples(stranger.get(HERE).text)


def test_counts_requests_by_route_method_and_status(admin, alice, read):
    admin.declare("notes", {"title": {"type": "string"}}, access={"list": ["member"]})
    for path in ("/notes", "/notes?page=2", "/notes?nope=1"):
        alice.get(path)
    found, route = read(), {"route": "/api/v1/notes", "method": "GET"}
    assert value(found, "larder_requests_total", **route, status="200") == 2
    assert value(found, "larder_requests_total", **route, status="422") == 1
    assert value(found, "larder_request_duration_seconds_count", **route) == 3
    assert value(found, "larder_request_duration_seconds_sum", **route) > 0
    assert value(found, "larder_database_statements_total", **route) >= 3
    assert value(found, "larder_database_seconds_total", **route) > 0


@ON_SQLITE
def test_those_who_see_the_same_share_a_document(admin, alice, bob, stranger, read):
    admin.declare("notes", {"title": {"type": "string"}, "price": {"type": "integer", "readable_by": ["admin"]}})
    for person in (admin, alice, bob, stranger, admin):
        person.get("http://localhost/openapi.json")
    found = read()
    assert value(found, "larder_cache_lookups_total", cache="documents", result="hit") == 2
    assert value(found, "larder_cache_lookups_total", cache="documents", result="miss") == 3  # strangers see no profile


def test_an_unknown_path_is_no_label(alice, read):
    for number in range(3):
        alice.get(f"/nowhere/{number}")
    assert value(read(), "larder_requests_total", route="none", status="404") == 3


def test_shows_processes_jobs_mail_caches_and_backups(admin, alice, read):
    alice.post("/auth/password/forgot", json={"email": alice.email})
    alice.get("/auth/me")
    alice.get("/auth/me")
    assert admin.post("/backups").status_code == 201
    found = read()
    assert value(found, "larder_process_resident_memory_bytes") > 10_000_000
    assert value(found, "larder_requests_in_flight") == 1  # this one
    assert value(found, "larder_database_connections") >= 0
    assert value(found, "larder_outbox_mails") == 1
    assert value(found, "larder_files", state="staged") == 0
    assert value(found, "larder_outbox_oldest_seconds") > 0
    assert value(found, "larder_cache_lookups_total", cache="tokens", result="hit") >= 1
    assert 0 <= value(found, "larder_backup_age_seconds") < 60
    assert value(found, "larder_backup_bytes") > 1000


@ON_SQLITE
def test_counts_what_limits_refuse(settings):
    stranger = Person(create_app(replace(settings, rate_limit_auth="2/minute", rate_limit="20/minute")))
    for _ in range(4):
        stranger.post("/auth/login", json={"email": "alice@example.com", "password": "wrong horse"})
    assert value(samples(stranger.get(HERE).text), "larder_limit_refusals_total", limit="sign_in") == 2
    database.close_all()


@ON_SQLITE
def test_answers_local_callers_and_callers_with_the_token(settings):
    stranger = Person(create_app(replace(settings, metrics_token=TOKEN)))
    far = {"REMOTE_ADDR": "192.0.2.1"}
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    for status, options in [
        (200, {}),
        (404, {"headers": {"X-Forwarded-For": "127.0.0.1"}}),  # by a proxy on this machine
        (404, {"environ_base": far}),
        (404, {"environ_base": far, "headers": {"Authorization": "Bearer wrong"}}),
        (200, {"environ_base": far, "headers": bearer}),
    ]:
        assert stranger.get(HERE, **options).status_code == status
    database.close_all()


def test_two_processes_add_up_to_what_a_client_counted(database_url, tmp_path):
    with running_servers(tmp_path, count=2, database_url=database_url) as addresses:
        with Caller(addresses[0]) as admin:
            admin.sign_in("admin@example.com", PASSWORD)
            admin.call("POST", "/resources", {"name": "notes", "fields": {"title": {"type": "string"}}})

            def work(number):
                with Caller(addresses[number % 2], admin.token) as caller:
                    return [caller.call("POST", "/notes", {"title": "x" * (i % 2 * 300)})[0] for i in range(25)]

            with ThreadPoolExecutor(8) as threads:
                statuses = [status for each in threads.map(work, range(8)) for status in each]
        wait_for(lambda: all(_posts(address) == len(statuses) for address in addresses))
        for address in addresses:
            found = _scrape(address)
            asked = {"route": "/api/v1/notes", "method": "POST"}
            for status in (201, 422):
                assert value(found, "larder_requests_total", **asked, status=str(status)) == statuses.count(status)
            assert value(found, "larder_request_duration_seconds_count", **asked) == len(statuses) == 200
            assert len([1 for name, _ in found if name == "larder_process_resident_memory_bytes"]) == 2


def _posts(address):
    found = _scrape(address)
    return value(found, "larder_request_duration_seconds_count", route="/api/v1/notes", method="POST")


@ON_SQLITE
def test_counters_do_not_fall_when_a_process_dies(database_url, tmp_path):
    for expected in (1, 2):
        with doomed_server(tmp_path, database_url=database_url) as (address, process):
            with Caller(address) as caller:
                caller.call("GET", "/nowhere")
            assert value(_scrape(address), "larder_requests_total", status="404") == expected
            # This one. The thread of the one before counts itself as idle only after the response.
            wait_for(lambda address=address: value(_scrape(address), "larder_requests_in_flight") == 1)
            process.kill()


@ON_SQLITE
def test_a_server_counts_although_a_crash_has_truncated_its_file(settings, tmp_path):
    folder = tmp_path / "metrics"
    folder.mkdir()
    (folder / "counts-0.json").write_bytes(b'{"answers":[[["GET","no')
    stranger = Person(create_app(settings))
    stranger.get("/nowhere")
    assert value(samples(stranger.get(HERE).text), "larder_requests_total", status="404") == 1
    database.close_all()


def _scrape(address):
    with Caller(address) as caller:
        caller.connection.request("GET", "/metrics")
        return samples(caller.connection.getresponse().read().decode())


def test_the_dashboard_shows_only_metrics_that_exist(admin, alice, read):
    alice.post("/auth/password/forgot", json={"email": alice.email})
    admin.post("/backups")
    with database.connection_context():
        JobRun.note("back_up", 1.0, None, utcnow())
    there = {name for name, _ in read()}
    there |= {f"larder_{name}_total" for name in ("limit_refusals", "streams_ended", "webhook_deliveries")}  # in time
    asked = set(re.findall(r"larder_[a-z_]+", (ROOT / "deploy" / "grafana.json").read_text()))
    assert asked - there == set()


@ON_SQLITE
def test_unknown_methods_are_counted_together(stranger, read):
    for method in ("BREW", "X" * 1000, "FIND"):
        stranger.client.open("/api/v1/nowhere", method=method)
    found = read()
    assert value(found, "larder_requests_total", method="other") == 3
    methods = {dict(labels).get("method") for _, labels in found} - {None}
    assert methods == {"other"}


def _make_file(folder):
    folder.write_text("")


def _make_huge(folder):
    folder.mkdir()
    answer = ["X" * 1000, "none", 404]
    content = {"answers": [[answer, [1, 0.0, 0.0, 0, *[0] * 14]]], "events": [], "now": {}}
    (folder / "counts-0.json").write_text(json.dumps(content | {"padding": "x" * (9 << 20)}))


def _make_odd(folder):
    folder.mkdir()
    (folder / "counts-0.json").write_text('{"answers": [["odd"]], "events": 7}')


@ON_SQLITE
@pytest.mark.parametrize("prepare", [_make_file, _make_huge, _make_odd])
def test_responses_do_not_change_if_the_folder_cannot_be_used(settings, prepare, read_lines):
    prepare(settings.data_dir / "metrics")
    stranger = Person(create_app(settings))
    assert stranger.get("/nowhere").status_code == 404
    found = samples(stranger.get(HERE).text)
    assert value(found, "larder_requests_total", status="404") == 1
    warned = [line for line in read_lines() if "metrics cannot be written" in line]
    assert len(warned) == (prepare is _make_file)
    database.close_all()


@ON_SQLITE
def test_responses_do_not_change_when_the_disk_is_full(settings):
    """`/dev/full` in place of the file of counts is as full as a disk can be."""
    folder = settings.data_dir / "metrics"
    folder.mkdir()
    (folder / "counts-0.partial").symlink_to("/dev/full")
    stranger = Person(create_app(settings))
    assert stranger.get("/nowhere").status_code == 404
    assert value(samples(stranger.get(HERE).text), "larder_requests_total", status="404") == 1
    database.close_all()
