"""What the rows so far will have changed: later rows of the same file are checked against it, too."""

from typing import Any, NamedTuple

MAX_HELD = 1_000_000  # values of a file that are kept to find it twice; what comes later only the database finds

Names = tuple[str, ...]
ID: Names = ("id",)


class Left(NamedTuple):
    """A record as the rows so far leave it: the columns that later rows depend on, and its version."""

    columns: dict[str, Any]
    version: int
    is_new: bool


class EarlierRows:
    """The records that rows of the file create and change, and the unique values that they take and give up."""

    def __init__(self, remembered: set[str]) -> None:
        """Remember these columns of the records; not their long texts."""
        self._remembered = remembered
        self._left: dict[str, Left] = {}  # by id
        # By columns: the id of the record that has the values, or None where a row gave them up.
        self._holders: dict[Names, dict[tuple[Any, ...], str | None]] = {}

    def get(self, record_id: str) -> Left | None:
        """Return a record as a row has left it, None if none has changed it."""
        return self._left.get(record_id)

    def remember(self, record_id: str, left: Left) -> None:
        """Remember what a row does to a record."""
        columns = {name: value for name, value in left.columns.items() if name in self._remembered}
        self._left[record_id] = left._replace(columns=columns)

    def has_changed(self, names: Names, values: tuple[Any, ...]) -> bool:
        """Tell whether a row has taken or given up these values."""
        return values in self._holders.get(names, ())

    def holder(self, names: Names, values: tuple[Any, ...]) -> str | None:
        """Return the id of the record that a row has given these values."""
        return self._holders.get(names, {}).get(values)

    def move(self, names: Names, record_id: str, before: tuple[Any, ...], after: tuple[Any, ...]) -> None:
        """Let a record give up its values `before` and take those `after`."""
        held = self._holders.setdefault(names, {})
        if None not in before and before != after:
            held[before] = None
        if None not in after and len(held) < MAX_HELD:
            held[after] = record_id
