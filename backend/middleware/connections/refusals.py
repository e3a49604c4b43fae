"""Refusals by the server itself, before the app gets the request."""

from http import HTTPStatus

from waitress.utilities import Error


class Refusal(Error, Exception):
    """The error for a request that is not handed to the app. The connection is closed after the response."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.code, self.reason, self.message = status, HTTPStatus(status).phrase, message
