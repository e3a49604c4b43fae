"""`flask mail`: the mails that this installation sends."""

import smtplib

import click
from flask.cli import AppGroup

from backend.middleware.app import get_app
from backend.services.accounts import mail_server
from backend.services.accounts.mail_messages import make_sample
from backend.services.accounts.mail_texts import KINDS

commands = AppGroup("mail", help="Mails of this installation.")


@commands.command("test", epilog="Example: flask mail test ada@example.com --kind reset")
@click.argument("address")
@click.option("--kind", type=click.Choice([*KINDS]), default="invitation", show_default=True, help="Which mail.")
@click.option("--language", help="The language of the person, such as de.")
def test_mail(address: str, kind: str, language: str | None) -> None:
    """Send a mail with sample values to ADDRESS.

    Without LARDER_SMTP_URL, print it.
    """
    settings = get_app().settings
    message = make_sample(settings, kind, address, language)
    if settings.smtp_url is None:
        click.echo(message.get_body(("plain",)))
        return
    try:
        mail_server.send(settings, message)
    except (smtplib.SMTPException, OSError) as error:
        raise click.ClickException(f"The mail server refuses: {error}") from error
    click.echo(f"Sent to {address}.")
