"""What can go wrong, in the words of the product; middleware/errors.py gives each its status.

LarderError
├── Malformed           the request cannot be read
├── Unauthenticated     nobody is signed in, or the sign-in is no longer good
├── Denied              the actor may see it, but may not do this
├── NotFound            there is none, or none the actor may see
├── Conflict            it does not fit what is there already
├── PreconditionFailed  somebody else changed the record first
├── PreconditionMissing a write that must name the version it changes does not
├── Invalid             a value is wrong
├── TooLarge            more than one request may bring
└── Unavailable         the database is locked or gone; trying again may help
"""

from typing import Any


class LarderError(Exception):
    """A refusal with a message for the client; `details` says more about single values."""

    message = ""

    def __init__(self, message: str | None = None, details: dict[str, Any] | None = None) -> None:
        super().__init__(message or self.message)
        self.message = message or self.message
        self.details = details or {}


class Malformed(LarderError):
    """The request cannot be read."""

    message = "The request is malformed."


class Unauthenticated(LarderError):
    """Nobody is signed in, or the sign-in is no longer good."""

    message = "Sign in first."


class Denied(LarderError):
    """The actor may see it, but may not do this."""

    message = "You may not do this."


class NotFound(LarderError):
    """There is none, or none the actor may see."""

    message = "Not found."


class Conflict(LarderError):
    """It does not fit what is there already."""

    message = "This conflicts with what is there."


class PreconditionFailed(LarderError):
    """The record is no longer the version the client saw."""

    message = "The record was changed meanwhile; read it again."


class PreconditionMissing(LarderError):
    """A write does not name the version that it changes, and has to."""

    message = "Say with If-Match which version of the record you change."


class Invalid(LarderError):
    """One or more values are wrong; `errors` maps each field to its messages."""

    message = "Some values are not valid."

    def __init__(self, errors: Any, location: str = "json", message: str | None = None) -> None:
        super().__init__(message, details={location: errors})
        self.errors = errors


class TooLarge(LarderError):
    """More than one request may bring."""

    message = "The body is larger than this server takes."


class Unavailable(LarderError):
    """The database is locked or gone, or its disk full."""

    message = "The service is busy or cannot reach its database; try again shortly."
