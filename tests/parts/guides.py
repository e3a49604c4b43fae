"""The receivers of docs/webhooks.md, run as a reader would: with a real delivery, and with forged ones."""

import http.client
import json
import os
import socket
import subprocess
import time

from tests.parts.pages import read_blocks
from tests.parts.server import ROOT, held_port

PAGE = ROOT / "docs" / "webhooks.md"
PORT = "9000"  # on the page


def program_of(language, port):
    """Return the program of the page in a language, which listens on another port."""
    (text,) = [text for kind, _, text in read_blocks(PAGE) if kind == language]
    assert text.count(PORT) == 1
    return text.replace(PORT, str(port))


def check_receiver(language, command, suffix, folder, webhook):
    """Run the program of the page, and check what it prints of a delivery, and that it accepts nothing else.

    `webhook(url)` creates a webhook, and returns its secret and a function that sends a test, and a change of a record
    twice; that returns the id of the record.
    """
    with held_port() as port:
        program = folder / f"receiver{suffix}"
        program.write_text(program_of(language, port))
        secret, send = webhook(f"http://127.0.0.1:{port}/hook")
        environment = {**os.environ, "WEBHOOK_SECRET": secret}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        process = subprocess.Popen([*command, program], env=environment, **pipes)
        try:
            wait_until_listening(port, process)
            record_id = send()
            for headers in ({}, {"webhook-id": "msg_1", "webhook-timestamp": "1", "webhook-signature": "v1,eA=="}):
                assert post(port, headers) == 401
        finally:
            process.terminate()
            printed, _ = process.communicate(timeout=120)
    lines = [line for line in printed.splitlines() if line.startswith(("notes.", "webhook."))]
    assert lines == ["webhook.test -", f"notes.create {record_id}"], printed


def wait_until_listening(port, process):
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(process.communicate()[0])


def post(port, headers):
    """Send a body that nobody has signed; return the status."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("POST", "/hook", json.dumps({"type": "notes.create", "data": {"id": "forged"}}), headers)
    status = connection.getresponse().status
    connection.close()
    return status
