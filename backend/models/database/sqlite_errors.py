"""What the errors of SQLite mean, by their codes and texts."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from peewee import IntegrityError

from backend.models.database.dialect import Violation
from backend.models.database.failures import DatabaseUnavailable, LongWrite

BUSY, LOCKED, READ_ONLY, INTERRUPTED, IO_ERROR, DAMAGED, FULL, CANNOT_OPEN, NO_DATABASE = 5, 6, 8, 9, 10, 11, 13, 14, 26
COMMIT_REFUSED, FILE_MOVED = 531, 1032  # extended codes
TEMPORARY = {BUSY, LOCKED, READ_ONLY, INTERRUPTED, IO_ERROR, DAMAGED, FULL, CANNOT_OPEN, NO_DATABASE}
BREAKS_CONNECTION = {READ_ONLY, IO_ERROR, DAMAGED, CANNOT_OPEN, NO_DATABASE}
CODES = re.compile(r"(?:\] )?([^\]]*) \(code=(\d+), ext=(\d+)\)$")


class Codes(NamedTuple):
    """The codes of an error, 0 if it has none, and its text without the SQL."""

    text: str
    primary: int
    extended: int


def codes_of(error: Exception) -> Codes:
    """Return the codes and the text of an error."""
    match = CODES.search(str(error))
    return Codes(match[1], int(match[2]), int(match[3])) if match else Codes(str(error), 0, 0)


class SqliteErrors:
    """The methods of a Dialect for errors."""

    def violated(self, error: IntegrityError, indexes: Mapping[str, tuple[str, ...]]) -> Violation:
        text = str(error)
        if found := re.search(r"UNIQUE constraint failed: index '(\w+)'", text):  # one with an expression
            return Violation("unique", indexes[found[1]])
        if found := re.search(r"UNIQUE constraint failed: (.+?) \(code=", text):
            return Violation("unique", tuple(column.split(".", 1)[1] for column in found[1].split(", ")))
        if found := re.search(r"CHECK constraint failed: (\S+) \(code=", text):
            return Violation("check", (), found[1])
        return Violation("foreign_key" if "FOREIGN KEY constraint failed" in text else "other", ())

    def is_wrong_shape(self, error: Exception) -> bool:
        return bool(re.search(r"no such (table|column)", str(error)))

    def temporary_reason(self, error: Exception) -> str | None:
        if isinstance(error, DatabaseUnavailable):
            return str(error)
        codes = codes_of(error)
        if codes.primary in TEMPORARY:
            return codes.text
        return "unable to open" if "unable to open" in str(error) else None

    def is_locked(self, error: Exception) -> bool:
        return isinstance(error, LongWrite) or codes_of(error).primary in (BUSY, LOCKED)
