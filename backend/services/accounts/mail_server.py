"""Sending mails over SMTP."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

import structlog

from backend.config.settings import Settings

TIMEOUT_SECONDS = 20
PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}  # by scheme of LARDER_SMTP_URL

log = structlog.get_logger()


def can_send(settings: Settings) -> bool:
    """Return whether mails can be sent: over SMTP, or to the log on a developer's own machine."""
    return settings.smtp_url is not None or settings.is_local


def is_log(settings: Settings) -> bool:
    """Return whether mails are written to the log instead of sent."""
    return settings.smtp_url is None and settings.is_local


def send(settings: Settings, message: EmailMessage) -> None:
    """Send the message, or log it if LARDER_SMTP_URL is not set.

    Raises SMTPException or OSError if the mail server cannot be reached or does not accept the message.
    """
    if settings.smtp_url is None:
        body = message.get_body(("plain",))
        text = body.get_content() if body else ""
        log.warning("mail, since LARDER_SMTP_URL is not set", to=message["To"], subject=message["Subject"], text=text)
        return
    with connect(settings.smtp_url) as server:
        server.send_message(message)


@contextmanager
def connect(url: str) -> Iterator[smtplib.SMTP]:
    """Yield a connection to the mail server of the URL, signed in if the URL has a user name.

    Raises SMTPException or OSError if this fails.
    """
    parts = urlsplit(url)
    with _open(parts.scheme, parts.hostname or "", parts.port or PORTS[parts.scheme]) as server:
        if parts.scheme == "smtp+starttls":
            server.starttls(context=ssl.create_default_context())
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        yield server


def _open(scheme: str, host: str, port: int) -> smtplib.SMTP:
    if scheme == "smtps":
        return smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS, context=ssl.create_default_context())
    return smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)
