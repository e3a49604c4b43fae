"""Refusals of the server, before the app gets the request."""

from http import HTTPStatus

from waitress.utilities import Error


class Refusal(Error, Exception):
    """A request that is answered with an error and not worked on; its connection is closed."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.code, self.reason, self.message = status, HTTPStatus(status).phrase, message
