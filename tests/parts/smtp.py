"""A real SMTP server that keeps the mails it receives."""

import re
from contextlib import contextmanager
from email import message_from_bytes, policy

from aiosmtpd.controller import Controller

START_SECONDS = 60


class Mailbox:
    """Accepts every mail, but refuses all while `refusing` is true."""

    def __init__(self):
        self.messages, self.refusing = [], False

    async def handle_DATA(self, server, session, envelope):
        """Keep the mail."""
        if self.refusing:
            return "451 Try again later"
        self.messages.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"

    def take(self):
        """Return the mails received since the last call."""
        taken, self.messages = self.messages, []
        return taken


class AnyPort(Controller):
    """A controller that accepts port 0 and then knows the port it got."""

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def smtp_server(port=0):
    """Yield (URL of a server on this machine, its Mailbox)."""
    mailbox = Mailbox()
    # With a name of its own: else it would ask the resolver for one, which may take long.
    options = {"ready_timeout": START_SECONDS, "server_hostname": "localhost"}
    controller = AnyPort(mailbox, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield f"smtp://127.0.0.1:{controller.port}", mailbox
    finally:
        controller.stop()


def text_of(message):
    """Return the plain text of a mail."""
    return message.get_body(("plain",)).get_content()


def html_of(message):
    """Return the HTML of a mail."""
    return message.get_body(("html",)).get_content()


def link_in(message):
    """Return the link in a mail."""
    return re.search(r"https?://\S+#token=\S+", text_of(message))[0]


def token_in(message):
    """Return the token in the link of a mail."""
    return link_in(message).partition("#token=")[2]
