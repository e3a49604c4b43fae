"""`/jobs`: what jobs did, and running one now."""

import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from huey import crontab

from backend import create_app
from backend.models.database import database
from backend.models.job_run import JobRun
from backend.services.operation import jobs as jobs_module
from backend.services.operation.job_states import next_run
from backend.services.operation.jobs import jobs
from backend.utils.clock import utcnow
from tests.conftest import Person
from tests.helpers import assert_failure
from tests.parts.server import ROOT

SECONDS = 60  # a machine may be busy
NOW = datetime(2026, 11, 26, 17, 59, 30, tzinfo=UTC)


def test_lists_each_job_with_its_schedule_and_last_run(admin, settings):
    with database.connection_context():
        JobRun.note("clean_up", 1.5, None, utcnow())
        JobRun.note("clean_up", 0.25, "the disk is full", utcnow())
    back_up, clean_up, clean_up_files, send_mail = admin.get("/jobs").json["data"]
    assert clean_up_files["schedule"] == "10 3 * * *"
    assert (back_up["name"], back_up["schedule"], back_up["next_run_at"]) == ("back_up", None, None)
    assert (send_mail["name"], send_mail["schedule"], send_mail["last_run"]) == ("send_due_mail", "* * * * *", None)
    assert send_mail["purpose"] == "Send the mails that are due."
    assert clean_up["last_run"].pop("ended_at") <= utcnow().isoformat()
    assert clean_up["last_run"] == {"seconds": 0.25, "failure": "the disk is full", "runs": 2, "failures": 1}
    scheduled = Person(create_app(replace(settings, backup_schedule="15 3 * * *")), "admin")
    backup = scheduled.get("/jobs").json["data"][0]
    assert backup["next_run_at"].endswith("T03:15:00.000000Z")


def test_every_process_knows_all_jobs():
    code = (
        "from backend import create_app; from backend.services.operation import jobs; print(*sorted(jobs._functions))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert ran.stdout.split() == ["back_up", "clean_up", "clean_up_files", "send_due_mail"]


def test_only_those_who_may_read_the_system_see_jobs(admin, alice, edith, stranger):
    assert [person.get("/jobs").status_code for person in (stranger, alice, edith)] == [401, 403, 403]
    admin.post("/roles", json={"name": "operator", "permissions": ["system:read"]})
    admin.patch(f"/users/{edith.id}", json={"roles": ["member", "operator"]})
    assert edith.get("/jobs").status_code == 200


@pytest.fixture
def slow_job(settings, monkeypatch):
    """(an admin of an app with the job `wait`, an event that it sets when it begins, one that it waits for)."""
    begun, may_end = threading.Event(), threading.Event()

    def wait(settings):
        """Wait for the test. It fails afterwards."""
        begun.set()
        assert may_end.wait(SECONDS)
        raise ValueError("it was only a test")

    monkeypatch.setitem(jobs_module._functions, "wait", wait)
    monkeypatch.setitem(jobs_module._schedules, "wait", lambda settings: None)
    monkeypatch.setattr(jobs_module.error_tracking, "report", lambda error, **_: None)
    app = create_app(settings)
    consumer = jobs.start_consumer()
    yield Person(app, "admin"), begun, may_end
    may_end.set()
    consumer.stop(graceful=True)
    database.close_all()


def test_a_job_runs_at_once_unless_it_runs_already(slow_job):
    admin, begun, may_end = slow_job
    runs = "/jobs/wait/runs"
    assert admin.post(runs).status_code == 202
    assert begun.wait(SECONDS)
    for _ in range(2):
        assert_failure(admin.post(runs), 409, "CONFLICT")
    assert admin.post("/jobs/nothing/runs").status_code == 404
    may_end.set()
    while (last := admin.get("/jobs").json["data"][-1])["last_run"] is None:
        assert last["name"] == "wait"
        time.sleep(0.01)
    assert (last["last_run"]["failure"], last["last_run"]["runs"]) == ("it was only a test", 1)
    assert [entry["target_id"] for entry in admin.get("/audit?action=job.run").json["data"]] == ["wait"]


def test_a_queued_job_is_not_queued_twice(admin, edith):
    assert edith.post("/jobs/clean_up/runs").status_code == 403
    admin.post("/roles", json={"name": "operator", "permissions": ["system:write"]})
    admin.patch(f"/users/{edith.id}", json={"roles": ["member", "operator"]})
    assert edith.post("/jobs/clean_up/runs").status_code == 202
    answer = admin.post("/jobs/clean_up/runs")
    assert_failure(answer, 409, "CONFLICT")
    assert "is queued already" in answer.json["error"]["message"]
    assert admin.post("/jobs/back_up/runs").status_code == 202  # another one
    assert [entry["actor_id"] for entry in admin.get("/audit?action=job.run").json["data"]] == [admin.id, edith.id]


def test_a_job_is_unavailable_while_the_queue_cannot_be_read(admin, settings):
    queue = settings.data_dir / "jobs.db"
    queue.write_bytes(b"no database" * 1000)
    jobs._huey.storage.close()
    answer = admin.post("/jobs/clean_up/runs")
    assert_failure(answer, 503, "UNAVAILABLE")
    assert answer.json["error"]["message"] == "The job cannot be queued. The disk may be full."
    assert admin.get("/audit?action=job.run").json["data"] == []
    queue.unlink()
    create_app(settings)
    assert admin.post("/jobs/clean_up/runs").status_code == 202


@pytest.mark.parametrize(
    "schedule", ["* * * * *", "0 18 * * *", "59 17 * * *", "*/7 3-5 * * 0", "15 3 1 * *", "0 0 * 2 *"]
)
def test_the_next_run_is_the_first_minute_that_the_schedule_names(schedule):
    is_due, minute = crontab(*schedule.split()), NOW.replace(second=0)
    while not is_due(minute := minute + timedelta(minutes=1)):
        pass
    assert next_run(schedule, NOW) == minute


def test_a_schedule_without_a_day_has_no_next_run():
    assert next_run("0 0 31 2 *", NOW) is None
    assert next_run(None, NOW) is None
