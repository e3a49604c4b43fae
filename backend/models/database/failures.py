"""The expected failures of a database, each with a text for the log and a `message` for the client.

They are errors of peewee, raised by its methods and caught like its other errors. So they are not in
services/errors.py, whose errors refuse a request.
"""

import math

from peewee import OperationalError


class DatabaseUnavailable(OperationalError):
    """The database cannot be used now, so the response is 503. The text is for the log, `message` for the client."""

    message = "The database cannot be used now; try again."
    retry_after: int | None = None  # seconds, if they are known


class PoolExhausted(DatabaseUnavailable):
    """All connections of this process were in use for as long as the request could wait."""

    message = "The server is busy; try again."


class QueryTimeout(DatabaseUnavailable):
    """The statements of a request took longer than their limit."""

    def __init__(self, seconds: float) -> None:
        limit = f"{seconds:g} second{'' if seconds == 1 else 's'}"
        self.message = f"The query took longer than {limit} and was stopped. Request less at a time."
        super().__init__(f"a query took longer than {limit} (LARDER_QUERY_TIMEOUT_SECONDS)")


class LongWrite(DatabaseUnavailable):
    """Another thread is writing for longer than the request could wait, and has announced for how long."""

    def __init__(self, seconds: float) -> None:
        self.retry_after = max(1, math.ceil(seconds))
        rest = f"{self.retry_after} second{'' if self.retry_after == 1 else 's'}"
        self.message = f"An import is being written; try again in about {rest}."
        super().__init__(f"database is locked by an import for about {rest}")


class QueryTooLarge(DatabaseUnavailable):
    """SQLite has used all the memory that it may use in this process."""

    message = "The query needs more memory than queries may use. Request less at a time."

    def __init__(self) -> None:
        super().__init__("SQLite is out of memory (LARDER_SQLITE_MEMORY_BYTES)")


class NoAnswer(DatabaseUnavailable):
    """The database server can be reached, but does not respond."""

    message = "The database server does not answer."


class NotConfirmed(DatabaseUnavailable):
    """The disk did not confirm a commit, which may or may not survive a power failure."""

    message = "The disk did not confirm the write, which may or may not be stored."


class TablesChanged(DatabaseUnavailable):
    """The tables have changed since a statement was prepared on this connection; the next time it will work."""


class DatabaseMissing(DatabaseUnavailable):
    """The database file was deleted or replaced while connections to it were open."""

    message = "The database file is missing or was replaced; its operator must restore it."


class UnsuitableDatabase(DatabaseUnavailable):
    """The database has a property that Larder does not support; the text says which one, and how to change it."""

    message = "The database is set up in a way that the server cannot work with; see its log."
