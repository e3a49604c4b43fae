"""`/mails`: what became of each mail."""

from dataclasses import replace
from datetime import timedelta

import pytest

from backend import create_app
from backend.models.database import database
from backend.models.mail import Mail
from backend.services.accounts import outbox
from backend.services.operation import cleanup
from backend.utils.clock import utcnow
from tests.helpers import assert_failure


@pytest.fixture
def settings(settings, mailbox):
    """The settings of an app that sends mails."""
    return replace(settings, smtp_url=mailbox.url)


@pytest.fixture
def mails(admin):
    """A function that returns (address, kind, state, attempts) of each mail, the latest first."""

    def read(query=""):
        found = admin.get(f"/mails{query}").json["data"]
        return [(mail["email"], mail["kind"], mail["state"], mail["attempts"]) for mail in found]

    return read


def forget(person, email):
    assert person.post("/auth/password/forgot", json={"email": email}).status_code == 200


def test_shows_what_became_of_each_mail(app, admin, stranger, mails, mailbox):
    forget(stranger, "alice@example.com")
    forget(stranger, "nobody@example.com")
    waiting = [("nobody@example.com", "reset", "waiting", 0), ("alice@example.com", "reset", "waiting", 0)]
    assert mails() == waiting
    outbox.send_due_mail(app.settings)
    assert mails() == [("nobody@example.com", "reset", "unneeded", 1), ("alice@example.com", "reset", "sent", 1)]
    assert mails("?state=sent&email=alice@example.com&sort=created_at") == mails()[1:]
    (mail,) = admin.get("/mails?state=sent").json["data"]
    assert (mail["next_attempt_at"], mail["error"]) == (None, None)
    assert mail["ended_at"] > mail["created_at"]
    assert mail.keys() == {
        *("id", "created_at", "kind", "email", "state", "attempts", "next_attempt_at", "ended_at", "error")
    }
    (sent,) = mailbox.take()
    assert sent["To"] == "alice@example.com"


def test_a_mail_that_is_only_in_the_log_is_not_called_sent(app, stranger, mails):
    logging = replace(app.settings, smtp_url=None)
    for email in ("alice@example.com", "nobody@example.com"):
        forget(stranger, email)
    outbox.send_due_mail(logging)
    assert {state for _, _, state, _ in mails()} == {"logged", "unneeded"}
    assert mails("?state=logged") == [("alice@example.com", "reset", "logged", 1)]
    assert mails("?state=sent") == []


def test_a_mail_that_waits_or_has_failed_is_sent_again(app, admin, stranger, mails, mailbox, monkeypatch):
    mailbox.refusing = True
    forget(stranger, "alice@example.com")
    outbox.send_due_mail(app.settings)
    (mail,) = admin.get("/mails").json["data"]
    assert (mail["state"], mail["attempts"], "SMTP" in mail["error"]) == ("waiting", 1, True)
    assert mail["next_attempt_at"] > utcnow().isoformat()
    attempts = f"/mails/{mail['id']}/attempts"
    assert admin.post(attempts).status_code == 200
    monkeypatch.setattr(outbox, "GIVEN_UP_AFTER", timedelta(0))
    outbox.send_due_mail(app.settings)
    assert mails() == [("alice@example.com", "reset", "failed", 2)]
    mailbox.refusing = False
    assert admin.post(attempts).status_code == 200
    assert mails("?state=waiting") == mails()
    outbox.send_due_mail(app.settings)
    assert mails() == [("alice@example.com", "reset", "sent", 1)]
    assert len(mailbox.take()) == 1
    assert_failure(admin.post(attempts), 409, "CONFLICT")
    assert admin.post(f"/mails/{admin.id}/attempts").status_code == 404
    assert [entry["target_id"] for entry in admin.get("/audit?action=mail.retry").json["data"]] == [mail["id"]] * 2


def test_a_mail_that_is_being_sent_is_not_sent_twice(admin, stranger, mails):
    forget(stranger, "alice@example.com")
    with database.connection_context():
        claimed = outbox._claim()
    assert_failure(admin.post(f"/mails/{claimed.id}/attempts"), 409, "CONFLICT")
    assert mails() == [("alice@example.com", "reset", "waiting", 0)]


def test_mails_are_deleted_with_the_account_and_after_a_month(app, admin, stranger, mails, alice, bob):
    for email in (alice.email, bob.email, "nobody@example.com"):
        forget(stranger, email)
    outbox.send_due_mail(app.settings)
    forget(stranger, alice.email)
    admin.delete(f"/users/{alice.id}")
    assert {email for email, *_ in mails()} == {bob.email, "nobody@example.com"}
    with database.connection_context():
        Mail.update(created_at=utcnow() - timedelta(days=31)).where(Mail.email == bob.email).execute()
    cleanup.clean_up(app.settings)
    assert {email for email, *_ in mails()} == {"nobody@example.com"}


def test_only_those_who_see_users_see_mails(admin, alice, edith, stranger):
    forget(stranger, "alice@example.com")
    admin.post("/roles", json={"name": "reader", "permissions": ["users:read"]})
    (mail,) = admin.get("/mails").json["data"]
    for person, status in ((stranger, 401), (alice, 403), (edith, 403)):
        assert person.get("/mails").status_code == status
        assert person.post(f"/mails/{mail['id']}/attempts").status_code == status
    admin.patch(f"/users/{edith.id}", json={"roles": ["member", "reader"]})
    assert edith.get("/mails?state=waiting").json["data"][0]["id"] == mail["id"]
    assert edith.post(f"/mails/{mail['id']}/attempts").status_code == 403
    assert edith.get("/mails?text=x").status_code == 422


def test_a_server_without_mail_says_so(settings, mails, admin):
    app = create_app(replace(settings, smtp_url=None, public_url="https://larder.example.com"))
    with database.connection_context():
        outbox.queue_mail("password_changed", "alice@example.com")
    outbox.send_due_mail(app.settings)
    (mail,) = admin.get("/mails").json["data"]
    assert (mail["state"], mail["error"]) == ("failed", "This server sends no mail.")
