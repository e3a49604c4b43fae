"""Savepoints on Postgres."""

from peewee import DatabaseError, _savepoint
from psycopg.pq import ConnStatus

from backend.models.database.postgres_errors import driver_error
from backend.models.database.postgres_statements import Statements

NO_SAVEPOINT = "3B001"


class Savepoint(_savepoint):
    """A savepoint. It begins and ends together with the next statement, or not at all if there is none."""

    def _begin(self) -> None:
        self._command = f"SAVEPOINT {self.quoted_sid}"
        self.db.send_ahead(self._command)

    def commit(self, begin: bool = True) -> None:
        """Keep all changes since the savepoint."""
        statements = self.db.connection().statements
        if statements.last_ahead == self._command:
            statements.take_back(self._command)
        else:
            self.db.send_ahead(f"RELEASE {self.quoted_sid}")
        if begin:
            self._begin()

    def rollback(self, begin: bool = True) -> None:
        """Undo all changes since the savepoint, which may include a change of time limits.

        If the connection broke, there is nothing to roll back.
        """
        self.db.forget_server_limits()
        connection = self.db.connection()
        if connection.pgconn.status == ConnStatus.OK and not connection.statements.take_back(self._command):
            self._roll_back(connection.statements)
        if begin:
            self._begin()

    def _roll_back(self, statements: Statements) -> None:
        statements.take_back()
        try:
            if statements.has_transaction:
                self.db.run_command(f"ROLLBACK TO {self.quoted_sid}")
        except DatabaseError as error:
            if driver_error(error).sqlstate != NO_SAVEPOINT:  # a statement that was sent before it has failed
                raise
