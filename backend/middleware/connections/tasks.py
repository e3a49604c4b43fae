"""What a worker does with a request."""

import json
import time
import uuid

from waitress.task import ErrorTask, WSGITask

from backend.middleware.errors import CODES, error_body
from backend.middleware.headers import ALWAYS_FOR_API
from backend.middleware.request_id import REQUEST_ID_HEADER

# Whoever is told to come back later is told so after a second: else a client that never waits, a hundred guessers of
# passwords say, would spend the processor on refusals. Nothing waits with it but the connection.
HELD_BACK = ("429", "503")
HOLD_SECONDS = 1


class Task(WSGITask):
    """A request whose refusal, if it is one to come back later, is held back and ends the connection."""

    def build_response_header(self):
        """Return the head of the answer."""
        if self.channel.server.is_draining:
            self.set_close_on_finish()  # the client comes back to another process, and loses nothing on the way
        if self.status.startswith(HELD_BACK):
            self.set_close_on_finish()  # or the requests behind it on this connection would be worked on meanwhile
            self.channel.held_until = time.monotonic() + HOLD_SECONDS
        return super().build_response_header()


class JsonErrorTask(ErrorTask):
    """waitress's answer to a request it refuses by itself, in the shape of every other failure."""

    def execute(self):
        """Send the body and close the connection."""
        error = self.request.error
        status = error.code if error.code in CODES else 400
        body = json.dumps(error_body(status, error.reason)).encode()
        self.status = f"{error.code} {error.reason}"
        self.content_length = len(body)
        told = [("Content-Type", "application/json"), (REQUEST_ID_HEADER, uuid.uuid4().hex)]
        self.response_headers = told + ALWAYS_FOR_API
        self.set_close_on_finish()
        self.write(body)
