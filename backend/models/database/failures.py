"""The failures of a database that are expected: each has a text for the log and a message for the client.

They are kept apart from services/errors.py: those refuse what a client asks for, these are errors of peewee, raised by
its calls and caught wherever its errors are. What both have is `message`.
"""

import math

from peewee import OperationalError


class DatabaseUnavailable(OperationalError):
    """The database cannot do it now, so the answer is 503; the text goes into the log, `message` to the client."""

    message = "The database cannot be used now; try again."
    retry_after: int | None = None  # seconds, where they are known


class PoolExhausted(DatabaseUnavailable):
    """Every connection of this process was in use for as long as the request could wait."""

    message = "The server is busy; try again."


class QueryTimeout(DatabaseUnavailable):
    """The statements of a request took longer than they may."""

    def __init__(self, seconds: float) -> None:
        limit = f"{seconds:g} second{'' if seconds == 1 else 's'}"
        self.message = f"The query took longer than {limit} and was stopped. Request less at a time."
        super().__init__(f"a query took longer than {limit} (LARDER_QUERY_TIMEOUT_SECONDS)")


class LongWrite(DatabaseUnavailable):
    """Another thread writes for longer than the request could wait, and has announced how long."""

    def __init__(self, seconds: float) -> None:
        self.retry_after = max(1, math.ceil(seconds))
        rest = f"{self.retry_after} second{'' if self.retry_after == 1 else 's'}"
        self.message = f"An import is being written; try again in about {rest}."
        super().__init__(f"database is locked by an import for about {rest}")


class QueryTooLarge(DatabaseUnavailable):
    """SQLite has used the memory that this process gives it."""

    message = "The query needs more memory than queries may use. Request less at a time."

    def __init__(self) -> None:
        super().__init__("SQLite is out of memory (LARDER_SQLITE_MEMORY_BYTES)")


class NoAnswer(DatabaseUnavailable):
    """The database server is reachable, but does not answer."""

    message = "The database server does not answer."


class DatabaseMissing(DatabaseUnavailable):
    """The database file was deleted or replaced while connections to it were open."""

    message = "The database file is missing or was replaced; its operator must restore it."


class UnsuitableDatabase(DatabaseUnavailable):
    """The database has a property that Larder cannot work with; the text says which, and how to change it."""

    message = "The database is set up in a way that the server cannot work with; see its log."
