"""`/health/ready`, and what it tells admins alone."""

from datetime import timedelta

from backend.models.database import database
from backend.models.job_run import JobRun
from backend.services.health import ready
from backend.utils.clock import utcnow

READY = "http://localhost/health/ready"


def states(answer):
    """Return {name: state} of the checks in an answer."""
    return {check["name"]: check["state"] for check in answer.json["data"]["checks"]}


def test_tells_strangers_and_members_one_word(stranger, alice):
    for person in (stranger, alice):
        assert person.get(READY).json["data"] == {"status": "ready"}


def test_tells_admins_what_was_found(admin):
    found = states(admin.get(READY))
    assert found["migrations"] == found["backup job"] == "ok"
    assert set(found) == {
        "migrations",
        "disk",
        "jobs",
        "backup job",
    }


def test_a_failed_backup_and_jobs_that_do_not_run_are_no_reason_to_take_the_service_away(admin):
    with database.connection_context():
        late = {"ended_at": utcnow() - timedelta(hours=1), "seconds": 1, "runs": 1}
        JobRun.create(name="back_up", failure="no room", failures=1, **late)
        JobRun.create(name="send_due_mail", failures=0, **late)
    answer = admin.get(READY)
    assert answer.status_code == 200
    assert (states(answer)["backup job"], states(answer)["jobs"]) == ("warning", "warning")
    assert "no room" in answer.text


def test_is_not_ready_without_room_on_the_disk(admin, stranger, monkeypatch):
    monkeypatch.setattr(ready, "LEAST_FREE_BYTES", 1 << 62)
    answer = stranger.get(READY)
    assert (answer.status_code, answer.json["error"]["code"]) == (503, "UNAVAILABLE")
    assert answer.json["error"]["details"] == {}
    assert "GB" not in answer.text
    details = admin.get(READY).json["error"]["details"]
    assert "GB" in next(check["told"] for check in details["checks"] if check["name"] == "disk")
