"""`GET /jobs`."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from huey import crontab

from backend import create_app
from backend.models.database import database
from backend.models.job_run import JobRun
from backend.services.operation.job_states import next_run
from backend.utils.clock import utcnow
from tests.conftest import Person

NOW = datetime(2026, 11, 26, 17, 59, 30, tzinfo=UTC)


def test_lists_each_job_with_its_schedule_and_last_run(admin, settings):
    with database.connection_context():
        JobRun.note("clean_up", 1.5, None)
        JobRun.note("clean_up", 0.25, "the disk is full")
    back_up, clean_up, send_mail = admin.get("/jobs").json["data"]
    assert (back_up["name"], back_up["schedule"], back_up["next_run_at"]) == ("back_up", None, None)
    assert (send_mail["name"], send_mail["schedule"], send_mail["last_run"]) == ("send_due_mail", "* * * * *", None)
    assert send_mail["purpose"] == "Send the mails that are due."
    assert clean_up["last_run"].pop("ended_at") <= utcnow().isoformat()
    assert clean_up["last_run"] == {"seconds": 0.25, "failure": "the disk is full", "runs": 2, "failures": 1}
    scheduled = Person(create_app(replace(settings, backup_schedule="15 3 * * *")), "admin")
    backup = scheduled.get("/jobs").json["data"][0]
    assert backup["next_run_at"].endswith("T03:15:00.000000Z")


def test_only_those_who_may_read_the_system_see_jobs(admin, alice, edith, stranger):
    assert [person.get("/jobs").status_code for person in (stranger, alice, edith)] == [401, 403, 403]
    admin.post("/roles", json={"name": "operator", "permissions": ["system:read"]})
    admin.patch(f"/users/{edith.id}", json={"roles": ["member", "operator"]})
    assert edith.get("/jobs").status_code == 200


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
