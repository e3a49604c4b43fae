"""Mails, over a real SMTP server: confirming an address, password reset, invitations."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from backend import create_app
from backend.models.database import database
from backend.models.invitation import Invitation
from backend.models.mail import MailToken, OutgoingMail
from backend.models.role import Role
from backend.models.user import User
from backend.services.accounts import mail_tokens, outbox, passwords
from backend.utils.clock import utcnow
from tests.conftest import NEW_PASSWORD, ON_SQLITE, PASSWORD, Person
from tests.helpers import bearer, details_of, refresh
from tests.parts.smtp import html_of, link_in, text_of, token_in

CAROL = {"email": "carol@example.com", "password": PASSWORD, "name": "Carol"}


@pytest.fixture
def app(settings, mailbox):
    """An app that sends mail and has a public address."""
    app = create_app(replace(settings, smtp_url=mailbox.url, public_url="https://larder.example.com"))
    yield app
    database.close_all()


@pytest.fixture
def sent(app, mailbox):
    """A function that runs the job and returns the mails it has sent."""

    def run():
        outbox.send_due_mail(app.settings)
        return mailbox.take()

    return run


def post(app, path, **body):
    return app.test_client().post(f"/api/v1{path}", json=body)


def login(app, email="carol@example.com", password=PASSWORD):
    return post(app, "/auth/login", email=email, password=password)


def waiting():
    with database.connection_context():
        return OutgoingMail.select().count()


def test_a_registered_address_is_confirmed_before_the_first_sign_in(app, sent):
    assert post(app, "/auth/register", **CAROL).status_code == 201
    assert login(app).status_code == 401
    (mail,) = sent()
    assert (mail["To"], mail["From"]) == ("carol@example.com", "noreply@larder.example.com")
    assert link_in(mail).startswith("https://larder.example.com/account/verification#token=")
    assert post(app, "/auth/verification", token=token_in(mail)).status_code == 200
    assert login(app).status_code == 200


def test_the_confirmation_mail_can_be_sent_again(app, sent):
    post(app, "/auth/register", **CAROL)
    (first,) = sent()
    assert post(app, "/auth/verification/mail", email="Carol@example.com").status_code == 200
    (second,) = sent()
    assert post(app, "/auth/verification", token=token_in(second)).status_code == 200
    assert post(app, "/auth/verification", token=token_in(first)).status_code == 422
    post(app, "/auth/verification/mail", email="carol@example.com")
    assert sent() == []


def test_a_password_reset_sets_the_password_and_ends_all_sessions(app, sent, alice):
    tokens = alice.sign_in()
    assert post(app, "/auth/password/forgot", email="ALICE@example.com").status_code == 200
    (mail,) = sent()
    assert link_in(mail).startswith("https://larder.example.com/account/reset#token=")
    assert post(app, "/auth/password/reset", token=token_in(mail), new_password=NEW_PASSWORD).status_code == 200
    assert alice.client.get("/api/v1/auth/me", headers=bearer(tokens["access_token"])).status_code == 401
    assert refresh(alice, tokens["refresh_token"]).status_code == 401
    assert login(app, alice.email).status_code == 401
    assert login(app, alice.email, NEW_PASSWORD).status_code == 200
    assert ["password" in mail["Subject"] for mail in sent()] == [True]


def test_an_invitation_is_accepted_once(app, sent, admin):
    made = admin.post("/invitations", json={"email": "Carol@example.com", "roles": ["editor"]})
    assert (made.status_code, made.json["data"]["roles"]) == (201, ["editor", "member"])
    (mail,) = sent()
    acceptance = {"token": token_in(mail), "password": PASSWORD, "name": "Carol"}
    assert post(app, "/invitations/acceptance", **acceptance).status_code == 201
    assert Person(app, "carol").get("/auth/me").json["data"]["roles"] == ["editor", "member"]
    assert post(app, "/invitations/acceptance", **acceptance).status_code == 422
    assert admin.get("/invitations").json["data"] == []


def test_a_second_invitation_replaces_the_first(app, sent, admin):
    for roles in ([], ["editor"]):
        admin.post("/invitations", json={"email": "carol@example.com", "roles": roles})
        (mail,) = sent()
    assert [each["roles"] for each in admin.get("/invitations").json["data"]] == [["editor", "member"]]


def test_a_withdrawn_invitation_cannot_be_accepted(app, sent, admin):
    made = admin.post("/invitations", json={"email": "carol@example.com"}).json["data"]
    (mail,) = sent()
    assert admin.delete(f"/invitations/{made['id']}").status_code == 200
    assert admin.delete(f"/invitations/{made['id']}").status_code == 404
    acceptance = {"token": token_in(mail), "password": PASSWORD, "name": "Carol"}
    assert post(app, "/invitations/acceptance", **acceptance).status_code == 422


@pytest.fixture
def clerk(app, admin):
    """A user who may manage users, but is no admin."""
    admin.post("/roles", json={"name": "clerk", "permissions": ["users:write"]})
    admin.post("/users", json=CAROL | {"email": "clerk@example.com", "roles": ["clerk"]})
    return Person(app, "clerk")


def test_users_invite_to_no_role_that_they_lack(clerk):
    answers = [
        clerk.post("/invitations", json={"email": "dora@example.com", "roles": [role]})
        for role in ("admin", "editor", "clerk", "nobody")
    ]
    assert [answer.status_code for answer in answers] == [403, 403, 201, 422]


def test_users_replace_or_withdraw_no_invitation_to_a_role_that_they_lack(admin, clerk):
    dora = {"email": "dora@example.com", "roles": ["editor"]}
    made = admin.post("/invitations", json=dora).json["data"]
    assert clerk.post("/invitations", json={"email": dora["email"]}).status_code == 403
    assert clerk.delete(f"/invitations/{made['id']}").status_code == 403
    assert [each["roles"] for each in admin.get("/invitations").json["data"]] == [["editor", "member"]]
    with database.connection_context():
        Invitation.update(expires_at=utcnow()).execute()
    assert clerk.post("/invitations", json={"email": dora["email"]}).status_code == 201


def test_an_invitation_does_not_give_a_new_role_with_the_name_of_a_deleted_one(app, sent, admin):
    for name in ("auditor", "keeper"):
        admin.post("/roles", json={"name": name})
    admin.post("/invitations", json={"email": "carol@example.com", "roles": ["auditor", "keeper"]})
    (mail,) = sent()
    assert admin.delete("/roles/auditor").status_code == 200
    admin.post("/roles", json={"name": "auditor", "permissions": ["audit:read"]})
    acceptance = {"token": token_in(mail), "password": PASSWORD, "name": "Carol"}
    assert post(app, "/invitations/acceptance", **acceptance).status_code == 201
    assert Person(app, "carol").get("/auth/me").json["data"]["roles"] == ["keeper", "member"]


def test_an_invitation_created_while_its_role_was_deleted_does_not_give_the_new_one(app, sent, admin):
    admin.post("/roles", json={"name": "auditor"})
    made = admin.post("/invitations", json={"email": "carol@example.com", "roles": ["auditor"]}).json["data"]
    (mail,) = sent()
    with database.connection_context():
        Role.update(created_at=utcnow()).where(Role.name == "auditor").execute()  # as after a deletion unseen
        assert Invitation.get_by_id(made["id"]).roles == ["auditor", "member"]
    acceptance = {"token": token_in(mail), "password": PASSWORD, "name": "Carol"}
    assert post(app, "/invitations/acceptance", **acceptance).status_code == 201
    assert Person(app, "carol").get("/auth/me").json["data"]["roles"] == ["member"]


@ON_SQLITE
def test_registration_by_invitation_refuses_others(settings, mailbox):
    app = create_app(replace(settings, smtp_url=mailbox.url, registration="invitation"))
    assert post(app, "/auth/register", **CAROL).status_code == 403


def same_answers(*answers):
    """Return whether the answers differ in ids and times only."""
    compared = []
    for answer in answers:
        body = answer.json
        data = {k: v for k, v in (body.get("data") or {}).items() if k not in ("id", "created_at", "email", "name")}
        headers = {name: value for name, value in answer.headers if name not in ("X-Request-ID", "Content-Length")}
        compared.append((answer.status_code, sorted(body), data, body.get("error"), headers))
    return all(each == compared[0] for each in compared)


def test_registering_does_not_reveal_whether_an_address_is_known(app, sent):
    new, known = (post(app, "/auth/register", **CAROL | {"email": f"{name}@example.com"}) for name in ("dora", "alice"))
    assert new.status_code == 201
    assert same_answers(new, known)
    assert known.json["data"]["name"] == "Carol"
    assert {mail["To"]: "already" in mail["Subject"] for mail in sent()} == {
        "dora@example.com": False,
        "alice@example.com": True,
    }
    assert login(app, "alice@example.com").status_code == 200


def test_asking_for_a_mail_does_not_reveal_whether_an_address_is_known(app, sent):
    for path in ("/auth/password/forgot", "/auth/verification/mail"):
        known, unknown = (post(app, path, email=f"{name}@example.com") for name in ("alice", "nobody"))
        assert known.status_code == 200
        assert same_answers(known, unknown)
    assert [mail["To"] for mail in sent()] == ["alice@example.com"]
    assert waiting() == 0


def test_an_invitation_does_not_reveal_whether_an_address_is_known(app, sent, admin):
    new, known = (admin.post("/invitations", json={"email": f"{name}@example.com"}) for name in ("dora", "alice"))
    assert [sorted(answer.json["data"]) for answer in (new, known)] == [sorted(new.json["data"])] * 2
    assert {mail["To"]: "already" in mail["Subject"] for mail in sent()} == {
        "dora@example.com": False,
        "alice@example.com": True,
    }


def test_signing_in_answers_an_unconfirmed_and_an_unknown_address_alike(app):
    post(app, "/auth/register", **CAROL)
    answers = [login(app), login(app, "nobody@example.com"), login(app, "alice@example.com", "wrong password")]
    assert same_answers(*answers)


def test_a_link_is_never_built_from_the_request(app, sent):
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    answer = app.test_client().post(
        "/api/v1/auth/password/forgot", json={"email": "alice@example.com"}, headers=headers
    )
    assert answer.status_code == 200
    (mail,) = sent()
    assert link_in(mail).startswith("https://larder.example.com/account/reset#")
    assert "evil" not in mail.as_string()


def reset(app, token, password=NEW_PASSWORD):
    return post(app, "/auth/password/reset", token=token, new_password=password)


def test_a_reset_token_is_valid_once(app, sent):
    post(app, "/auth/password/forgot", email="alice@example.com")
    (mail,) = sent()
    assert [reset(app, token_in(mail)).status_code for _ in range(2)] == [200, 422]
    assert login(app, "alice@example.com", NEW_PASSWORD).status_code == 200


def test_of_two_simultaneous_resets_one_succeeds(app, sent):
    post(app, "/auth/password/forgot", email="alice@example.com")
    token = token_in(sent()[0])
    with ThreadPoolExecutor(4) as threads:
        calls = [threads.submit(reset, app, token, f"{NEW_PASSWORD} {number}") for number in range(4)]
    statuses = [call.result().status_code for call in calls]
    assert sorted(statuses) == [200, 422, 422, 422]
    winner = statuses.index(200)
    assert login(app, "alice@example.com", f"{NEW_PASSWORD} {winner}").status_code == 200


def test_a_reset_ends_all_other_reset_tokens(app, sent):
    for _ in range(2):
        post(app, "/auth/password/forgot", email="alice@example.com")
    tokens = [token_in(mail) for mail in sent()]
    assert [reset(app, token).status_code for token in tokens] == [200, 422]


@pytest.mark.parametrize("model", [MailToken, Invitation])
def test_a_token_expires(app, sent, admin, model):
    post(app, "/auth/password/forgot", email="alice@example.com")
    admin.post("/invitations", json={"email": "carol@example.com"})
    by_recipient = {mail["To"]: token_in(mail) for mail in sent()}
    with database.connection_context():
        model.update(expires_at=utcnow() - timedelta(seconds=1)).execute()
    acceptance = {"token": by_recipient["carol@example.com"], "password": PASSWORD, "name": "Carol"}
    is_reset = model is MailToken
    assert reset(app, by_recipient["alice@example.com"]).status_code == (422 if is_reset else 200)
    assert post(app, "/invitations/acceptance", **acceptance).status_code == (201 if is_reset else 422)


def test_a_token_is_valid_for_one_purpose_only(app, sent, admin):
    post(app, "/auth/register", **CAROL)
    (mail,) = sent()
    assert reset(app, token_in(mail)).status_code == 422
    post(app, "/auth/password/forgot", email="alice@example.com")
    (mail,) = sent()
    assert post(app, "/auth/verification", token=token_in(mail)).status_code == 422
    acceptance = {"token": token_in(mail), "password": PASSWORD, "name": "C"}
    assert post(app, "/invitations/acceptance", **acceptance).status_code == 422
    assert reset(app, token_in(mail)).status_code == 200


def test_a_weak_password_does_not_use_the_token_up(app, sent):
    post(app, "/auth/password/forgot", email="alice@example.com")
    (mail,) = sent()
    assert reset(app, token_in(mail), "short").status_code == 422
    assert reset(app, token_in(mail)).status_code == 200


def test_a_deactivated_user_gets_no_mail_and_sets_no_password(app, sent, admin, alice):
    post(app, "/auth/password/forgot", email="alice@example.com")
    (mail,) = sent()
    admin.patch(f"/users/{alice.id}", json={"active": False})
    assert reset(app, token_in(mail)).status_code == 422
    post(app, "/auth/password/forgot", email="alice@example.com")
    assert sent() == []


@ON_SQLITE
@pytest.mark.parametrize("token", ["", "x", "'; --", "x" * 101, None, 7, "nul\0"])
def test_refuses_a_text_that_is_no_token(app, token):
    for path, rest in (("/auth/verification", {}), ("/auth/password/reset", {"new_password": NEW_PASSWORD})):
        answer = post(app, path, token=token, **rest)
        assert (answer.status_code, list(details_of(answer)["json"])) == (422, ["token"])


def test_no_token_is_in_the_database_or_the_log(app, sent, admin, read_lines):
    post(app, "/auth/register", **CAROL)
    post(app, "/auth/password/forgot", email="alice@example.com")
    admin.post("/invitations", json={"email": "dora@example.com"})
    tokens = [token_in(mail) for mail in sent()]
    with database.connection_context():
        rows = [str(database.execute_sql(f"SELECT * FROM {table}").fetchall()) for table in database.get_tables()]
    text = "".join([*rows, *read_lines()])
    assert len(tokens) == 3
    assert not any(token in text for token in tokens)


def test_no_mail_contains_text_that_a_stranger_chose(app, sent):
    """A stranger could register another person's address, with a name that contains a link."""
    name = "Win at https://evil.example\r\nBcc: eve@example.com <script>{{733*7}}</script>"
    address = "carol+www.evil.example@example.com"
    assert post(app, "/auth/register", **CAROL | {"email": address, "name": name}).status_code == 201
    post(app, "/auth/register", **CAROL | {"email": address, "name": name})
    for path in ("/auth/password/forgot", "/auth/verification/mail"):
        post(app, path, email=address)
    mails = sent()
    assert len(mails) == 4
    for mail in mails:
        text = mail["Subject"] + text_of(mail) + html_of(mail)
        assert not any(part in text for part in ("evil", "Win", "script", "733*7", "5131", "carol"))
        assert (mail["Bcc"], mail["To"]) == (None, address)


def last(mails, recipient, subject):
    """Return the token of the one mail to the recipient with this in its subject."""
    (mail,) = (each for each in mails if each["To"] == recipient and subject in each["Subject"])
    return token_in(mail)


CHANGES = [{"email": "ally@example.com"}, {"password": NEW_PASSWORD}]


@pytest.mark.parametrize("change", CHANGES, ids=["address", "password"])
def test_a_change_of_address_or_password_ends_mailed_tokens(app, sent, admin, alice, change):
    with database.connection_context():
        User.update(verified_at=None).where(User.email == alice.email).execute()
    for path in ("/auth/password/forgot", "/auth/verification/mail"):
        post(app, path, email=alice.email)
    mails, user = sent(), f"/users/{admin.get('/users?name=Alice').json['data'][0]['id']}"
    assert admin.patch(user, json=change).status_code == 200
    assert reset(app, last(mails, alice.email, "Set a new"), "another staple battery").status_code == 422
    assert post(app, "/auth/verification", token=last(mails, alice.email, "Confirm")).status_code == 422
    assert admin.get(user).json["data"]["verified_at"] is None
    # Nor after the former address is set again.
    admin.patch(user, json={"email": alice.email})
    assert reset(app, last(mails, alice.email, "Set a new"), "another staple battery").status_code == 422


def test_a_token_created_while_the_address_changes_is_not_valid(app, admin, alice):
    """A job may read the user before the change and store its token after it."""
    with database.connection_context():
        before = User.by_email(alice.email)
    admin.patch(f"/users/{alice.id}", json={"email": "ally@example.com"})
    with database.connection_context():
        token = mail_tokens.make_token(app.settings, before, "reset").token
    assert reset(app, token).status_code == 422


def test_changing_ones_own_password_ends_reset_tokens(app, sent, alice):
    post(app, "/auth/password/forgot", email=alice.email)
    (mail,) = sent()
    change = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert alice.post("/auth/password", json=change).status_code == 200
    assert reset(app, token_in(mail), "another staple battery").status_code == 422
    assert login(app, alice.email, NEW_PASSWORD).status_code == 200


def test_renewing_a_hash_at_sign_in_ends_no_reset_token(settings, app, sent):
    post(app, "/auth/password/forgot", email="alice@example.com")
    (mail,) = sent()
    with database.connection_context():
        before = User.by_email("alice@example.com").password_hash
    passwords.hashing.open(replace(settings, argon2_time_cost=2))
    assert login(app, "alice@example.com").status_code == 200
    with database.connection_context():
        assert User.by_email("alice@example.com").password_hash != before
    assert reset(app, token_in(mail)).status_code == 200


def test_the_former_address_is_notified_of_changes_of_password_or_address(app, sent, admin, alice):
    path = f"/users/{alice.id}"
    change = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    alice.post("/auth/password", json=change)
    assert [(mail["To"], "password was changed" in mail["Subject"]) for mail in sent()] == [(alice.email, True)]
    admin.patch(path, json={"password": PASSWORD})
    assert [(mail["To"], "password was changed" in mail["Subject"]) for mail in sent()] == [(alice.email, True)]
    admin.patch(path, json={"email": "ally@example.com"})
    assert [(mail["To"], "address" in mail["Subject"]) for mail in sent()] == [(alice.email, True)]
    admin.patch(path, json={"email": "al@example.com", "password": NEW_PASSWORD})
    notices = sorted(sent(), key=lambda mail: mail["Subject"])
    assert [mail["To"] for mail in notices] == ["ally@example.com"] * 2
    assert not any("al@example.com" in mail.as_string() for mail in notices)
    admin.patch(path, json={"name": "Al", "email": "AL@example.com"})
    assert sent() == []


def test_a_mail_server_that_refuses_loses_no_mail_and_gets_none_twice(app, sent, mailbox):
    mailbox.refusing = True
    post(app, "/auth/password/forgot", email="alice@example.com")
    assert sent() == []
    assert waiting() == 1
    assert sent() == []  # not due again yet
    mailbox.refusing = False
    with database.connection_context():
        (mail,) = OutgoingMail.select()
        assert mail.attempts == 1
        assert mail.due_at > utcnow()
        OutgoingMail.update(due_at=utcnow()).execute()
    assert len(sent()) == 1
    assert sent() == []
    assert waiting() == 0


def test_two_jobs_at_once_send_a_mail_once(app, mailbox):
    for name in ("alice", "bob", "edith"):
        post(app, "/auth/password/forgot", email=f"{name}@example.com")
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(outbox.send_due_mail, [app.settings] * 4))
    assert sorted(mail["To"] for mail in mailbox.take()) == [
        f"{name}@example.com" for name in ("alice", "bob", "edith")
    ]


@ON_SQLITE
def test_without_smtp_a_developer_finds_the_mail_in_the_log(settings, read_lines):
    app = create_app(replace(settings, public_url="http://localhost:8000"))
    assert post(app, "/auth/password/forgot", email="alice@example.com").status_code == 200
    outbox.send_due_mail(app.settings)
    assert any("http://localhost:8000/account/reset#token=" in line for line in read_lines())


@ON_SQLITE
def test_without_smtp_a_public_server_says_that_it_sends_no_mail(settings, read_lines):
    app = create_app(replace(settings, public_url="https://larder.example.com"))
    admin = Person(app, "admin")
    answers = [post(app, "/auth/password/forgot", email="alice@example.com")]
    answers += [post(app, "/auth/verification/mail", email="alice@example.com")]
    answers += [admin.post("/invitations", json={"email": "carol@example.com"})]
    assert [answer.status_code for answer in answers] == [503, 503, 503]
    assert "sends no mail" in answers[0].json["error"]["message"]
    assert post(app, "/auth/register", **CAROL).status_code == 201
    assert login(app).status_code == 200
    assert waiting() == 0
    admin.patch(f"/users/{admin.id}", json={"password": NEW_PASSWORD})
    outbox.send_due_mail(app.settings)
    assert waiting() == 0
    assert not any("password of your account" in line for line in read_lines())
