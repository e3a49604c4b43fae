"""Reads the feed of changes, in the order in which transactions were committed."""

from collections.abc import Sequence
from typing import NamedTuple

from backend.models.database import database
from backend.models.feed import FeedChange
from backend.services.errors import Unavailable
from backend.utils.clock import rfc3339

CHANGE_COLUMNS = (
    *("transaction_id", "sequence", "resource", "record_id", "action", "version", "fields"),
    *("created_at", "created_by"),
)


class Position(NamedTuple):
    """A place in the feed. All changes up to it have been read."""

    transaction_id: int
    sequence: int


START = Position(0, 0)


class FeedState(NamedTuple):
    """What readers of the feeds of some resources must know.

    Positions before `start` have expired. No change can be added any more up to `end`. Positions are comparable only
    within the epochs of these feeds.
    """

    epochs: tuple[str, ...]
    start: Position
    end: Position


class RecordChange(NamedTuple):
    """A change of a record: its row in the feed."""

    position: Position
    resource: str
    record_id: str
    action: str
    version: int
    fields: list[str]
    at: str
    by: str | None


def read_state(resources: Sequence[str]) -> FeedState:
    """Return the FeedState of resources that have a feed. Read it before the changes, or before a list of records.

    What is changed after this moment is after `end`. Raises Unavailable if one has no feed any more.
    """
    places = ", ".join([database.param] * len(resources))
    sql = f"SELECT epoch, transaction_id, sequence, {database.feed.end} FROM larder_feeds WHERE resource IN ({places})"
    rows = database.fetch_all(sql, resources, True)
    if len(rows) < len(resources):
        raise Unavailable("The definition has just changed; send the request again.")
    start, end = max(Position(*row[1:3]) for row in rows), Position(*rows[0][3:])
    # A feed that has just begun may begin after transactions that have not ended; they write nothing to it.
    return FeedState(tuple(str(row[0]) for row in rows), start, max(start, end))


def read_changes(after: Position, resources: Sequence[str], limit: int) -> list[RecordChange]:
    """Return the first changes of records of these resources after a Position, in the order of commits.

    On Postgres, those of transactions that began after one that is still open are not among them yet: otherwise the
    open one could add a change before them, which a reader would miss.
    """
    places, param = ", ".join([database.param] * len(resources)), database.param
    sql = (
        f"SELECT {', '.join(CHANGE_COLUMNS)} FROM larder_changes WHERE (transaction_id, sequence) > ({param}, {param})"
        f" AND {database.feed.is_settled} AND resource IN ({places}) ORDER BY transaction_id, sequence LIMIT {param}"
    )
    return [to_change(row) for row in database.fetch_all(sql, [*after, *resources, limit], True)]


def read_last() -> Position:
    """Return the Position of the last change that readers see, of any resource."""
    sql = (
        f"SELECT transaction_id, sequence FROM larder_changes WHERE {database.feed.is_settled}"
        " ORDER BY transaction_id DESC, sequence DESC LIMIT 1"
    )
    rows = database.fetch_all(sql, (), True)
    return Position(*rows[0]) if rows else START


def read_changed(after: Position) -> set[str]:
    """Return the names of the resources with changes after a Position that readers see."""
    sql = (
        "SELECT DISTINCT resource FROM larder_changes"
        f" WHERE (transaction_id, sequence) > ({database.param}, {database.param}) AND {database.feed.is_settled}"
    )
    return {str(name) for (name,) in database.fetch_all(sql, after, True)}


def to_change(row: tuple[object, ...]) -> RecordChange:
    """Return the RecordChange of a row with CHANGE_COLUMNS."""
    transaction_id, sequence, resource, record_id, action, version, fields, at, by = row
    return RecordChange(
        Position(transaction_id, sequence),  # type: ignore[arg-type]  # as the columns are
        str(resource),
        str(record_id),
        str(action),
        version,  # type: ignore[arg-type]
        FeedChange.fields.python_value(fields),
        rfc3339(FeedChange.created_at.python_value(at)),  # type: ignore[arg-type]
        None if by is None else str(by),
    )
