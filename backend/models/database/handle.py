"""The database handle, through which all code uses the database."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from peewee import DatabaseProxy, _savepoint

from backend.models.database.dialect import Dialect
from backend.models.database.postgres import open_postgres
from backend.models.database.sqlite import open_sqlite

# Connections in addition to one per server thread: for exports, jobs and checks in the same process.
SPARE_CONNECTIONS = 6


class DatabaseSettings(Protocol):
    """The settings of the database."""

    @property
    def database_url(self) -> str:
        """`sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST/NAME`."""

    @property
    def sqlite_synchronous(self) -> str:
        """SQLite's `synchronous`."""

    @property
    def database_timeout_seconds(self) -> float:
        """How long one request may wait for connections and locks."""

    @property
    def query_timeout_seconds(self) -> float:
        """How long the statements of one request may take."""

    @property
    def slow_query_ms(self) -> int:
        """The duration from which a statement is logged."""

    @property
    def threads(self) -> int:
        """How many threads the server has."""


if TYPE_CHECKING:

    class _Proxy(Dialect):
        """The type of the proxy: it has the attributes of the database behind it."""

        obj: Dialect  # None until one is opened

        def initialize(self, obj: Dialect) -> None: ...

else:
    _Proxy = DatabaseProxy


class Handle(_Proxy):
    """The database of this process, SQLite or Postgres."""

    def open(self, settings: DatabaseSettings) -> None:
        """Use the database of the settings, and close the one that was open before.

        Connections are opened when they are first needed. Raises PeeweeException if an SQLite file cannot be opened.
        """
        if self.obj is not None:
            self.close_all()
        self.initialize(open_database(settings))

    def savepoint(self) -> _savepoint:
        """Return the context manager of a savepoint, from the database itself, not from peewee's proxy."""
        return self.obj.savepoint()


def open_database(settings: DatabaseSettings) -> Dialect:
    """Return the database of the settings. Raises PeeweeException if an SQLite file cannot be opened."""
    url, pool_size = settings.database_url, settings.threads + SPARE_CONNECTIONS
    opened: Dialect
    if url.startswith("sqlite:///"):
        path = Path(url.removeprefix("sqlite:///"))
        opened = open_sqlite(path, settings.sqlite_synchronous, settings.database_timeout_seconds, pool_size)
    else:
        opened = open_postgres(url, settings.database_timeout_seconds, pool_size)
    opened.slow_seconds, opened.query_seconds = settings.slow_query_ms / 1000, settings.query_timeout_seconds
    return opened


# One handle per process: it outlives every app.
database = Handle()  # type: ignore[abstract]  # the proxy forwards every call


def connected() -> AbstractContextManager[Any]:
    """Return the context manager of a block with a connection: that of this thread, else a new one."""
    return database.connection_context() if database.is_closed() else nullcontext()
