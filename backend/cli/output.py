"""The errors of commands as messages."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from backend.models.database import DATABASE_ERRORS, database
from backend.services.errors import LarderError
from backend.services.operation.migrations import NOT_MIGRATED
from backend.utils.problems import to_texts
from backend.utils.strict_yaml import dump_yaml

PARTS_IN_MESSAGE = ("plan", "rows")  # details that the message of an error already contains


@contextmanager
def failure_messages() -> Iterator[None]:
    """Turn an expected failure of the database into a message and exit code 1."""
    try:
        yield
    except DATABASE_ERRORS as error:
        if reason := database.temporary_reason(database.failure_of(error)):
            raise click.ClickException(f"The database cannot do this now: {reason}.") from error
        raise


@contextmanager
def error_messages(explain: Callable[[LarderError], str | None] = lambda error: None) -> Iterator[None]:
    """Turn a LarderError or an expected failure of the database into a message and exit code 1.

    `explain` returns the message of a LarderError; None for its own message and its details.
    """
    try:
        with failure_messages():
            yield
    except LarderError as error:
        raise click.ClickException(explain(error) or _message_of(error)) from error
    except DATABASE_ERRORS as error:
        if database.is_wrong_shape(database.failure_of(error)):
            raise click.ClickException(NOT_MIGRATED) from error
        raise


def _message_of(error: LarderError) -> str:
    """Return the message of an error, and below it its details as YAML."""
    details = {part: problems for part, problems in error.details.items() if part not in PARTS_IN_MESSAGE}
    if not details:
        return error.message
    return f"{error.message}\n{dump_yaml(to_texts(details))}"
