"""The texts of mails, and the links in them."""

from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from backend.config.settings import Settings

SUBJECTS = {
    "verification": "Confirm your e-mail address",
    "already_registered": "You already have an account",
    "reset": "Set a new password",
    "password_changed": "Your password was changed",
    "address_changed": "The e-mail address of your account was changed",
    "invitation": "You are invited",
}

_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "mail_templates"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
)


def account_link(settings: Settings, page: str, token: str) -> str:
    """Return the URL of a page under `/account`, with the token."""
    # Browsers do not send the part after the `#`, so no server, log or referrer sees the token.
    return f"{settings.public_url.rstrip('/')}/account/{page}#token={token}"


def make_message(settings: Settings, kind: str, email: str, *, link: str | None = None) -> EmailMessage:
    """Return the message to the address, as plain text and as HTML; `kind` is a key of SUBJECTS.

    It contains no text that a user chose, not even a name: otherwise anyone could register a stranger's address and
    have this server mail them a text.
    """
    message = EmailMessage()
    site = urlsplit(settings.public_url).netloc
    message["Subject"] = f"{SUBJECTS[kind]} – {site}"
    message["From"], message["To"] = settings.mail_sender, email
    message["Date"], message["Message-ID"] = formatdate(usegmt=True), make_msgid(domain=site.partition(":")[0])
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: asks for no automatic replies
    values = {"site": site} if link is None else {"site": site, "link": link}
    message.set_content(_templates.get_template(f"{kind}.txt").render(values))
    message.add_alternative(_templates.get_template(f"{kind}.html").render(values), subtype="html")
    return message
