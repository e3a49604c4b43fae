"""What mails say, where their links lead, and templates of an installation's own."""

from dataclasses import replace
from datetime import datetime

import pytest

from backend import create_app
from backend.config.checks import SettingsError
from backend.models.database import database
from backend.services.accounts import outbox
from backend.services.accounts.mail_texts import KINDS
from tests.conftest import ON_SQLITE, PASSWORD, Person
from tests.parts.smtp import html_of, text_of

RESET = """Subject: Neues Passwort für {{ app_name }}

Hier entlang: {{ link }}, bis {{ expires_at.strftime('%d.%m.%Y') }}
"""


@pytest.fixture
def folder(tmp_path):
    """A folder for templates."""
    folder = tmp_path / "mail"
    folder.mkdir()
    return folder


@pytest.fixture
def start(settings, mailbox):
    """A function that returns an app with mail and these settings."""
    yield lambda **more: create_app(
        replace(settings, smtp_url=mailbox.url, public_url="https://larder.example.com", **more)
    )
    database.close_all()


def sent(app, mailbox):
    """Send the mails that wait and return them."""
    outbox.send_due_mail(app.settings)
    return mailbox.take()


def ask_for_reset(app, email="alice@example.com"):
    assert Person(app).post("/auth/password/forgot", json={"email": email}).status_code == 200


def test_an_invitation_says_who_invites_to_what_until_when(start, mailbox):
    app = start(app_name="Garden <Club>")
    made = (
        Person(app, "admin").post("/invitations", json={"email": "new@example.com", "roles": ["editor"]}).json["data"]
    )
    (mail,) = sent(app, mailbox)
    assert mail["Subject"] == "Admin invites you to Garden <Club>"
    assert mail["From"] == '"Garden <Club>" <noreply@larder.example.com>'
    until = datetime.fromisoformat(made["expires_at"]).strftime("%-d %B %Y, %H:%M UTC")
    text = text_of(mail)
    assert "Admin invites you to Garden <Club>, as editor." in text
    assert f"The invitation is valid until {until}." in text
    assert "Admin invites you to Garden &lt;Club&gt;, as editor." in " ".join(html_of(mail).split()).replace(
        '<a href="https://larder.example.com">', ""
    ).replace("</a>", "")


@ON_SQLITE
@pytest.mark.parametrize(
    ("settings_of_app", "beginning"),
    [
        ({}, "https://larder.example.com/account/reset#token="),
        ({"app_url": "https://app.example.com"}, "https://app.example.com/reset?token="),
        ({"app_url": "https://example.com/app/", "reset_path": "/#/new/"}, "https://example.com/app/#/new/"),
        (
            {"app_url": "https://app.example.com", "reset_path": "off"},
            "https://larder.example.com/account/reset#token=",
        ),
    ],
)
def test_links_lead_to_the_app(start, mailbox, settings_of_app, beginning):
    app = start(**settings_of_app)
    ask_for_reset(app)
    (mail,) = sent(app, mailbox)
    (line,) = [line for line in text_of(mail).splitlines() if line.startswith("http")]
    assert line.startswith(beginning)
    token = line.removeprefix(beginning)
    reset = {"token": token, "new_password": "staple battery horse correct"}
    assert Person(app).post("/auth/password/reset", json=reset).status_code == 200


@ON_SQLITE
def test_own_texts_replace_those_of_larder_by_language(start, mailbox, folder):
    (folder / "reset.de.txt").write_text(RESET, encoding="utf-8")
    (folder / "password_changed.txt").write_text("Subject: Changed\n\nAt {{ app_url }}\n")
    (folder / "password_changed.html").write_text(
        '{% extends "layout.html" %}{% block body %}{{ app_name }}{% endblock %}'
    )
    app = start(mail_templates=folder, app_name="Verein & Co")
    admin = Person(app, "admin")
    declared = admin.put(
        "/users/settings", json={"fields": {"language": {"type": "string", "writable_by": ["member"]}}}
    )
    assert declared.status_code == 200, declared.json
    alice = Person(app, "alice")
    changed = alice.patch("/auth/me", json={"profile": {"language": "de-AT"}})
    assert changed.status_code == 200, changed.json
    for email in (alice.email, "bob@example.com"):
        ask_for_reset(app, email)
    german, english = sorted(sent(app, mailbox), key=lambda mail: mail["To"])
    assert german["Subject"] == "Neues Passwort für Verein & Co"
    assert "Hier entlang: https://larder.example.com/account/reset#token=" in text_of(german)
    assert german.get_body(("html",)) is None
    assert english["Subject"] == "Set a new password – Verein & Co"
    change = {"current_password": PASSWORD, "new_password": "staple battery horse correct"}
    assert alice.post("/auth/password", json=change).status_code == 200
    (changed,) = sent(app, mailbox)
    assert (changed["Subject"], text_of(changed).strip()) == ("Changed", "At https://larder.example.com")
    assert "Verein &amp; Co" in html_of(changed)


WRONG = {
    "rest.txt": ("Subject: x\n", "rest.txt: the mails are verification, already_registered,"),
    "reset.html": ("<p>", "reset.html: it needs reset.txt beside it, whose first line is the subject."),
    "reset.txt": ("Hello\n", "reset.txt: The first line must begin with 'Subject: '."),
    "reset.de.txt": ("Subject: x\n\n{{ likn }}\n", "reset.de.txt, line 3: 'likn' is undefined"),
    "invitation.txt": ("Subject: x\n\n{% if inviter %}\n", "invitation.txt, line 3: Unexpected end of template."),
    "verification.txt": ("Subject: {{ link.__class__.__mro__ }}\n", "verification.txt, line 1: access to attribute"),
    "password_changed.txt": ("Subject: x\n\n{{ link }}", "password_changed.txt, line 3: 'link' is undefined"),
    "address_changed.txt": ('Subject: x\n{% include "../../../etc/passwd" %}', "address_changed.txt, line 2:"),
    "already_registered.txt": ("Subject: x\n{{ 1 / 0 }}", "already_registered.txt, line 2: division by zero"),
}


@ON_SQLITE
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_template_is_found_at_start(settings, folder, name):
    content, problem = WRONG[name]
    (folder / name).write_text(content)
    with pytest.raises(SettingsError, match="^LARDER_MAIL_TEMPLATES: ") as raised:
        create_app(replace(settings, mail_templates=folder))
    assert f"{folder}/{problem}" in str(raised.value)


@ON_SQLITE
def test_a_folder_that_is_missing_is_found_at_start(settings, folder):
    with pytest.raises(SettingsError, match="no: No such file or directory"):
        create_app(replace(settings, mail_templates=folder / "no"))


@ON_SQLITE
def test_a_second_click_says_that_the_address_is_confirmed(start, mailbox):
    app = start()
    account = {"email": "carol@example.com", "password": PASSWORD, "name": "Carol"}
    assert Person(app).post("/auth/register", json=account).status_code == 201
    (mail,) = sent(app, mailbox)
    token = text_of(mail).partition("#token=")[2].split()[0]
    for _ in range(2):
        assert Person(app).post("/auth/verification", json={"token": token}).status_code == 200
    entries = Person(app, "admin").get("/audit?action=user.verify").json["data"]
    assert len(entries) == 1


@ON_SQLITE
@pytest.mark.parametrize("kind", KINDS)
def test_the_command_sends_or_prints_a_sample(start, mailbox, settings, kind):
    app = start(app_name="Garden")
    result = app.test_cli_runner().invoke(args=["mail", "test", "ada@example.com", "--kind", kind])
    assert (result.exit_code, result.output) == (0, "Sent to ada@example.com.\n")
    (mail,) = mailbox.take()
    assert "Garden" in mail["Subject"] + text_of(mail)
    printed = create_app(settings).test_cli_runner().invoke(args=["mail", "test", "ada@example.com", "--kind", kind])
    assert printed.exit_code == 0
    assert "Hello," in printed.output
