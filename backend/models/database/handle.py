"""The handle of the database that everything goes through."""

from contextlib import AbstractContextManager, nullcontext

from peewee import DatabaseProxy


class Handle(DatabaseProxy):
    """The database of the process, whichever it is."""

    def savepoint(self) -> AbstractContextManager:
        """Return the context manager of a part of a transaction: the database's own, not the one of any database."""
        return self.obj.savepoint()


# One handle per process: it outlives every build of the app.
database = Handle()


def connected():
    """Return the context manager of a block that has a connection: the one there is, or one of its own."""
    return database.connection_context() if database.is_closed() else nullcontext()
