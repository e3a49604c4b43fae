"""The errors that services raise; middleware/errors.py has the HTTP status of each.

LarderError
├── Malformed           the request cannot be read
├── Unauthenticated     the caller is not signed in, or no longer
├── Denied              the actor may not do this
├── NotFound            it does not exist, or the actor may not see it
├── Expired             the cursor is too old
├── Conflict            it does not fit the present state
├── PreconditionFailed  the record has changed since the client read it
├── PreconditionMissing the write must name the version that it changes
├── Invalid             a value is not valid
├── TooLarge            the body is larger than allowed
├── StorageFull         there is no room for the file
└── Unavailable         the database is locked or cannot be reached; trying again may help
"""

from typing import Any

from backend.utils.problems import Problems


class LarderError(Exception):
    """A refusal with a message for the client; `details` has the problems of single values."""

    message = ""

    def __init__(self, message: str | None = None, details: dict[str, Any] | None = None) -> None:
        super().__init__(message or self.message)
        self.message = message or self.message
        self.details = details or {}


class Malformed(LarderError):
    """The request cannot be read."""

    message = "The request is malformed."


class Unauthenticated(LarderError):
    """The caller is not signed in, or no longer."""

    message = "Sign in first: send the access token or an API key as `Authorization: Bearer`."


class Denied(LarderError):
    """The actor may not do this."""

    message = "You may not do this."


class NotFound(LarderError):
    """It does not exist, or the actor may not see it."""

    message = "Not found."


class Expired(LarderError):
    """A cursor of the feed of changes is too old: changes after it have been deleted."""

    message = "The cursor has expired: list the records again, and continue with `meta.changes_cursor` of the list."


class Conflict(LarderError):
    """It does not fit the present state."""

    message = "This conflicts with the present state."


class PreconditionFailed(LarderError):
    """The record has changed since the client read it."""

    message = "The record has changed since you read it; read it again."


class PreconditionMissing(LarderError):
    """A write does not name the version that it changes, although it must."""

    message = "Send If-Match with the version of the record you are changing."


class Invalid(LarderError):
    """One or more values are not valid; `errors` maps each field to its problems."""

    message = "Some values are not valid."

    def __init__(self, errors: Problems, location: str = "json", message: str | None = None) -> None:
        super().__init__(message, details={location: errors})
        self.errors: Any = errors


class TooLarge(LarderError):
    """The body is larger than allowed."""

    message = "The body is larger than this server accepts."


class StorageFull(LarderError):
    """There is no room for the file: the operator must make some, or raise the limit."""

    message = "The storage of files is full."


class Unavailable(LarderError):
    """The database is locked or cannot be reached, or its disk is full."""

    message = "The service is busy or cannot reach its database; try again shortly."
