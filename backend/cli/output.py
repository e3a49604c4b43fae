"""How commands print: YAML, and a refusal as a message."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import click
import yaml

from backend.models.database import DATABASE_ERRORS, database
from backend.services.errors import LarderError
from backend.services.operation.migrations import NOT_MIGRATED

WHOLE_LINES = 1000  # characters, so that no message is folded
IN_THE_MESSAGE = ("plan", "rows")  # details that the message of an error has already


def write_yaml(value: Any, file: IO[str]) -> None:
    """Write a value as YAML to an open text file."""
    yaml.safe_dump(value, file, sort_keys=False, allow_unicode=True)


@contextmanager
def explained() -> Iterator[None]:
    """Turn a refusal of the block, or a failure of the database that is expected, into a message and an exit code 1."""
    try:
        yield
    except LarderError as error:
        raise click.ClickException(_message_of(error)) from error
    except DATABASE_ERRORS as error:
        failure = database.failure_of(error)
        if reason := database.temporary_reason(failure):
            raise click.ClickException(f"The database cannot do this now: {reason}.") from error
        if database.is_wrong_shape(failure):
            raise click.ClickException(NOT_MIGRATED) from error
        raise


def _message_of(error: LarderError) -> str:
    """Return the message of an error, and below it its details as YAML."""
    details = {part: problems for part, problems in error.details.items() if part not in IN_THE_MESSAGE}
    if not details:
        return error.message
    return f"{error.message}\n{yaml.safe_dump(details, sort_keys=False, allow_unicode=True, width=WHOLE_LINES)}"
