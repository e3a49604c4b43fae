"""The handle of the database that everything goes through."""

from contextlib import nullcontext

from peewee import DatabaseProxy

# One handle per process: it outlives every build of the app.
database = DatabaseProxy()


def connected():
    """Return the context manager of a block that has a connection: the one there is, or one of its own."""
    return database.connection_context() if database.is_closed() else nullcontext()
