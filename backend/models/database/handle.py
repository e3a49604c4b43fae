"""The handle of the database: the one way to it for all code."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from peewee import DatabaseProxy, _savepoint

from backend.models.database.dialect import Dialect
from backend.models.database.postgres import open_postgres
from backend.models.database.sqlite import open_sqlite

# Connections beside those of the server's threads: for exports, commands and checks of the same process.
SPARE_CONNECTIONS = 6


class DatabaseSettings(Protocol):
    """The settings that say which database to use, and how."""

    @property
    def database_url(self) -> str:
        """`sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST/NAME`."""

    @property
    def sqlite_synchronous(self) -> str:
        """SQLite's `synchronous`."""

    @property
    def database_timeout_seconds(self) -> float:
        """How long to wait for a connection or a lock."""

    @property
    def query_timeout_seconds(self) -> float:
        """How long the statements of a request may take."""

    @property
    def slow_query_ms(self) -> int:
        """How long a statement takes that is logged."""

    @property
    def threads(self) -> int:
        """How many threads the server has."""


if TYPE_CHECKING:

    class _Proxy(Dialect):
        """The proxy as its callers see it: it answers whatever the database answers."""

        obj: Dialect  # None until one is opened

        def initialize(self, obj: Dialect) -> None: ...

else:
    _Proxy = DatabaseProxy


class Handle(_Proxy):
    """The database of the process, whichever it is."""

    def open(self, settings: DatabaseSettings) -> None:
        """Use the database of the settings from now on, and close the one before.

        Connections are made when they are first needed. Raises PeeweeException if an SQLite file cannot be opened.
        """
        if self.obj is not None:
            self.close_all()
        url, pool_size = settings.database_url, settings.threads + SPARE_CONNECTIONS
        opened: Dialect
        if url.startswith("sqlite:///"):
            path = Path(url.removeprefix("sqlite:///"))
            opened = open_sqlite(path, settings.sqlite_synchronous, settings.database_timeout_seconds, pool_size)
        else:
            opened = open_postgres(url, settings.database_timeout_seconds, pool_size)
        opened.slow_seconds, opened.query_seconds = settings.slow_query_ms / 1000, settings.query_timeout_seconds
        self.initialize(opened)

    def savepoint(self) -> _savepoint:
        """Return the context manager of a part of a transaction: the database's own, not the one of any database."""
        return self.obj.savepoint()


# One handle per process: it outlives every app.
database = Handle()  # type: ignore[abstract]  # the proxy passes every question on


def connected() -> AbstractContextManager[Any]:
    """Return the context manager of a block that has a connection: the one there is, or one of its own."""
    return database.connection_context() if database.is_closed() else nullcontext()
