"""Mail: what the mails say, and sending them over SMTP."""

import smtplib
import ssl
from contextlib import contextmanager
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from urllib.parse import unquote, urlsplit

import structlog
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

log = structlog.get_logger()

TIMEOUT_SECONDS = 20
SUBJECTS = {
    "verification": "Confirm your e-mail address",
    "already_registered": "You have an account already",
    "reset": "Set a new password",
    "password_changed": "Your password was changed",
    "address_changed": "The address of your account was changed",
    "invitation": "You are invited",
}

_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "mail_templates"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
)


def can_send(settings):
    """Tell whether mail reaches people: by SMTP, or through the log on a developer's own machine."""
    return settings.smtp_url is not None or settings.is_local


def account_link(settings, page, token):
    """Return the address of a page of `/account` that gets the token."""
    # Behind the `#` it stays in the browser: no server, log or referrer sees it.
    return f"{settings.public_url.rstrip('/')}/account/{page}#token={token}"


def make_message(settings, kind, email, **values):
    """Return the EmailMessage of a kind of mail; `values`, such as `link`, are put into its templates.

    None of them is chosen by people: strangers give addresses that are not theirs, with names that say something else.
    """
    message = EmailMessage()
    site = urlsplit(settings.public_url).netloc
    message["Subject"] = f"{SUBJECTS[kind]} – {site}"
    message["From"], message["To"] = settings.mail_sender, email
    message["Date"], message["Message-ID"] = formatdate(usegmt=True), make_msgid(domain=site.partition(":")[0])
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notices in answer
    values |= {"site": site, "url": settings.public_url}
    message.set_content(_templates.get_template(f"{kind}.txt").render(values))
    message.add_alternative(_templates.get_template(f"{kind}.html").render(values), subtype="html")
    return message


def send(settings, message):
    """Send an EmailMessage; without SMTP it goes to the log. Raises SMTPException or OSError when it is not taken."""
    if settings.smtp_url is None:
        text = message.get_body(("plain",)).get_content()
        log.warning("mail, since LARDER_SMTP_URL is not set", to=message["To"], subject=message["Subject"], text=text)
        return
    with mail_server(settings) as server:
        server.send_message(message)


@contextmanager
def mail_server(settings):
    """Yield a connection to the mail server, signed in; raise SMTPException or OSError."""
    parts = urlsplit(settings.smtp_url)
    connect = smtplib.SMTP_SSL if parts.scheme == "smtps" else smtplib.SMTP
    options = {"context": ssl.create_default_context()} if parts.scheme == "smtps" else {}
    port = parts.port or {"smtp": 25, "smtps": 465, "smtp+starttls": 587}[parts.scheme]
    with connect(parts.hostname, port, timeout=TIMEOUT_SECONDS, **options) as server:
        if parts.scheme == "smtp+starttls":
            server.starttls(context=ssl.create_default_context())
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        yield server
