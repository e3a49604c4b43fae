"""What the errors of Postgres mean, by their SQLSTATEs."""

from collections.abc import Mapping
from typing import Any

from peewee import IntegrityError, InterfaceError, OperationalError

from backend.models.database.dialect import Constraint, Violation
from backend.models.database.failures import DatabaseUnavailable

CONSTRAINTS: dict[str, Constraint] = {
    "23505": "unique",
    "23503": "foreign_key",
    "23001": "foreign_key",
    "23514": "check",
}
UNDEFINED_TABLE, UNDEFINED_COLUMN = "42P01", "42703"
LOCK_NOT_AVAILABLE, DEADLOCK = "55P03", "40P01"
# Temporary errors whose class does not show it: a server that is read-only during a failover; a
# transaction that the server ended because it was idle or took long; data that cannot be read.
TEMPORARY = {"25006", "25P03", "25P04", "XX001", "XX002"}


def driver_error(error: Exception) -> Any:
    """Return the error of psycopg that an error of peewee wraps, or the error itself."""
    return getattr(error, "orig", None) or error


class PostgresErrors:
    """The methods of a Dialect for errors."""

    def violated(self, error: IntegrityError, indexes: Mapping[str, tuple[str, ...]]) -> Violation:
        cause = driver_error(error)
        kind, name = CONSTRAINTS.get(cause.sqlstate, "other"), cause.diag.constraint_name or ""
        return Violation(kind, indexes.get(name, ("id",)) if kind == "unique" else (), name)

    def is_wrong_shape(self, error: Exception) -> bool:
        return getattr(driver_error(error), "sqlstate", None) in (UNDEFINED_TABLE, UNDEFINED_COLUMN)

    def temporary_reason(self, error: Exception) -> str | None:
        if isinstance(error, DatabaseUnavailable):
            return str(error)
        cause = driver_error(error)
        is_temporary = (
            isinstance(error, OperationalError | InterfaceError) or getattr(cause, "sqlstate", None) in TEMPORARY
        )
        return type(cause).__name__ if is_temporary else None

    def is_locked(self, error: Exception) -> bool:
        return getattr(driver_error(error), "sqlstate", None) in (LOCK_NOT_AVAILABLE, DEADLOCK)
