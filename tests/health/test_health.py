"""`/health/ready`, and the checks that only admins see."""

from datetime import timedelta

from backend.models.database import database
from backend.models.job_run import JobRun
from backend.services.health import ready
from backend.utils.clock import utcnow
from tests.helpers import details_of

READY = "http://localhost/health/ready"


def states(answer):
    """Return {name: state} of the checks in an answer."""
    return {check["name"]: check["state"] for check in answer.json["data"]["checks"]}


def test_shows_only_the_status_to_anybody(stranger, alice):
    for person in (stranger, alice):
        assert person.get(READY).json["data"] == {"status": "ready"}


def test_shows_the_checks_to_admins(admin):
    found = states(admin.get(READY))
    assert found["migrations"] == found["backup job"] == "ok"
    assert set(found) == {
        "migrations",
        "disk",
        "jobs",
        "backup job",
    }


def test_stays_ready_after_a_failed_backup_and_while_no_jobs_run(admin):
    with database.connection_context():
        late = {"ended_at": utcnow() - timedelta(hours=1), "seconds": 1, "runs": 1}
        JobRun.create(name="back_up", failure="no room", failures=1, **late)
        JobRun.create(name="send_due_mail", failures=0, **late)
    answer = admin.get(READY)
    assert answer.status_code == 200
    assert (states(answer)["backup job"], states(answer)["jobs"]) == ("warning", "warning")
    assert "no room" in answer.text


def test_is_not_ready_when_the_disk_is_full(admin, stranger, monkeypatch):
    monkeypatch.setattr(ready, "MIN_FREE_BYTES", 1 << 62)
    answer = stranger.get(READY)
    assert (answer.status_code, answer.json["error"]["code"]) == (503, "UNAVAILABLE")
    assert details_of(answer) == {}
    assert "GB" not in answer.text
    details = details_of(admin.get(READY))
    assert "GB" in next(check["message"] for check in details["checks"] if check["name"] == "disk")
