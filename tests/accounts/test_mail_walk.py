"""All mails in turn, from a real server whose jobs send them over a real SMTP server."""

import time

import pytest

from tests.conftest import NEW_PASSWORD, PASSWORD, SECRET_KEY, database_copy
from tests.parts.server import Caller, held_port, running_server
from tests.parts.smtp import smtp_server, token_in

PATIENCE_SECONDS = 120


@pytest.fixture
def smtp_port():
    """A port that nobody listens on yet, and that no other program gets."""
    with held_port() as port:
        yield port


@pytest.fixture(params=["sqlite", "postgres"])
def caller(request, tmp_path, smtp_port):
    """A client of a server that sends its mail to the port."""
    settings = {"secret_key": SECRET_KEY, "log_level": "WARNING", "smtp_url": f"smtp://127.0.0.1:{smtp_port}"}
    with (
        database_copy(request, request.getfixturevalue(f"{request.param}_template"), tmp_path) as url,
        running_server(tmp_path, database_url=url, **settings) as address,
        Caller(address) as caller,
    ):
        yield caller


def wait_for_mail(mailbox, recipient):
    """Return the token of the mail that the recipient gets."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not mailbox.messages:
        assert time.monotonic() < deadline, "no mail came"
        time.sleep(0.05)
    (mail,) = mailbox.take()
    assert mail["To"] == recipient
    return token_in(mail) if "#token=" in mail.as_string() else None


def test_register_verify_forget_reset_invite_accept(caller, smtp_port):
    carol = {"email": "carol@example.com", "password": PASSWORD}
    with smtp_server(smtp_port) as (_, mailbox):

        def send(path, data, status=200):
            answer = caller.call("POST", path, data)
            assert answer[0] == status, answer
            return answer[1].get("data")

        send("/auth/register", carol | {"name": "Carol"}, 201)
        send("/auth/login", carol, 401)
        send("/auth/verification", {"token": wait_for_mail(mailbox, "carol@example.com")})
        send("/auth/login", carol)
        send("/auth/password/forgot", {"email": "carol@example.com"})
        token = wait_for_mail(mailbox, "carol@example.com")
        send("/auth/password/reset", {"token": token, "new_password": NEW_PASSWORD})
        assert wait_for_mail(mailbox, "carol@example.com") is None
        send("/auth/login", carol, 401)
        send("/auth/login", carol | {"password": NEW_PASSWORD})
        caller.sign_in("admin@example.com", PASSWORD)
        send("/invitations", {"email": "dora@example.com", "roles": ["editor"]}, 201)
        token = wait_for_mail(mailbox, "dora@example.com")
        send("/invitations/acceptance", {"token": token, "password": PASSWORD, "name": "Dora"}, 201)
        assert send("/auth/login", {"email": "dora@example.com", "password": PASSWORD})["user"]["roles"] == [
            *("editor", "member")
        ]


def test_a_mail_server_that_is_down_for_a_while_loses_none(caller, smtp_port):
    for name in ("alice", "bob", "edith"):
        assert caller.call("POST", "/auth/password/forgot", {"email": f"{name}@example.com"})[0] == 200
    time.sleep(1)  # the job tries in vain meanwhile
    with smtp_server(smtp_port) as (_, mailbox):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(mailbox.messages) < 3 and time.monotonic() < deadline:
            time.sleep(0.1)
        recipients = [mail["To"].partition("@")[0] for mail in mailbox.take()]
        assert sorted(recipients) == ["alice", "bob", "edith"]
        time.sleep(2)
        assert mailbox.take() == []
