"""Messages to send: a text of mail_texts.py with its sender and address, and the links in it."""

from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any
from urllib.parse import urlsplit

from backend.config.settings import Settings
from backend.services.accounts.mail_texts import KINDS, mail_texts

OFF = "off"  # a path that means Larder's own page


def account_link(settings: Settings, page: str, token: str) -> str:
    """Return the URL of a page of the app, or else of one below `/account`, with the token.

    `page` is `verification`, `reset` or `invitation`.
    """
    path = {
        "verification": settings.verification_path,
        "reset": settings.reset_path,
        "invitation": settings.invitation_path,
    }[page]
    if settings.app_url is not None and path != OFF:
        return f"{settings.app_url.rstrip('/')}{path}{token}"
    # Browsers do not send the part after the `#`, so no server, log or referrer sees the token.
    return f"{settings.public_url.rstrip('/')}/account/{page}#token={token}"


def make_message(
    settings: Settings, kind: str, email: str, *, language: str | None = None, **values: Any
) -> EmailMessage:
    """Return the message to the address, as plain text and as HTML; `kind` and `values` are those of KINDS.

    Only an invitation contains texts that a user chose, and that user may invite people. Otherwise anyone could
    register a stranger's address and have this server mail them a text.
    """
    common = {"app_name": settings.app_title, "app_url": settings.app_url or settings.public_url}
    content = mail_texts.render(kind, language, common | values)
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = content.subject, _sender(settings), email
    host = urlsplit(settings.public_url).hostname
    message["Date"], message["Message-ID"] = formatdate(usegmt=True), make_msgid(domain=host)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: asks for no automatic replies
    message.set_content(content.text)
    if content.html is not None:
        message.add_alternative(content.html, subtype="html")
    return message


def make_sample(settings: Settings, kind: str, email: str, language: str | None) -> EmailMessage:
    """Return a message of a kind with sample values, whose link leads to the right page with a token that is none."""
    values = dict(KINDS[kind])
    if "link" in values:
        values["link"] = account_link(settings, kind, "sample")
    return make_message(settings, kind, email, language=language, **values)


def _sender(settings: Settings) -> str | Address:
    """Return the sender, with the name of the app if it has one."""
    return Address(settings.app_name, addr_spec=settings.mail_sender) if settings.app_name else settings.mail_sender
