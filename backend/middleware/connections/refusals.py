"""What the server refuses before an app sees it."""

from http import HTTPStatus

from waitress.utilities import Error


class Refusal(Error, Exception):
    """A request that is answered with an error and not worked on; its connection is closed."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.code, self.reason, self.message = status, HTTPStatus(status).phrase, message
