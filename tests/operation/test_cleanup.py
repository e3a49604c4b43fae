"""The nightly clean-up, and `flask db vacuum`."""

from datetime import timedelta

from backend.models.database import database
from backend.models.invitation import Invitation
from backend.models.mail import MailToken
from backend.models.session import Session
from backend.services.operation import cleanup
from backend.utils.clock import utcnow


def test_deletes_what_has_expired(settings, alice, bob, admin):
    for person in (alice, bob):
        assert person.get("/auth/me").status_code == 200
    alice.post("/auth/password/forgot", json={"email": alice.email})
    now, past, (id_of_alice, id_of_bob) = utcnow(), utcnow() - timedelta(days=31), (alice.id, bob.id)
    with database.connection_context():
        Session.update(expires_at=past).where(Session.user_id == id_of_alice).execute()
        MailToken.insert(user_id=id_of_bob, purpose="reset", token_hash="x", expires_at=past).execute()
        for number, when in enumerate((past, now)):
            Invitation.insert(email=f"{number}@example.com", roles=[], expires_at=when).execute()
    cleanup.clean_up(settings)
    with database.connection_context():
        assert (MailToken.select().count(), Invitation.select().count()) == (0, 1)
        assert Session.select().where(Session.user_id == id_of_bob).count() == 1
    assert alice.get("/auth/me").status_code == 401
    assert bob.get("/auth/me").status_code == 200


def test_a_vacuum_keeps_all_records(app, admin):
    admin.declare("notes", {"title": {"type": "string"}}, search=["title"])
    note = admin.make("notes", title="Milk")
    result = app.test_cli_runner().invoke(args=["db", "vacuum"])
    assert result.exit_code == 0, result.output
    assert admin.get("/notes?q=milk").json["data"] == [note]
