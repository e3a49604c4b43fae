"""What earlier rows of a file will change. Nothing is written yet, but later rows are checked as if it were."""

from typing import Any, NamedTuple

from backend.services.definitions.field_sets import FieldSet

MAX_HELD = 1_000_000  # unique values remembered to find duplicates; beyond that, the database finds them when written

ID = FieldSet(("id",))


class RecordState(NamedTuple):
    """A record as the rows so far will leave it: its version, and the columns that the checks of later rows need."""

    columns: dict[str, Any]
    version: int
    is_new: bool


class EarlierRows:
    """The records that earlier rows create and change, and the unique values that these take and give up."""

    def __init__(self, remembered: set[str], *, lists_given: bool) -> None:
        """Remember only these columns of the records, to save memory, and list what is given only if this is used."""
        self._remembered, self._lists_given = remembered, lists_given
        self._states: dict[str, RecordState] = {}  # by id
        # {set: {values: id of the record that has them, or None if a row gave them up}}
        self._holders: dict[FieldSet, dict[tuple[Any, ...], str | None]] = {}
        self._given: list[tuple[FieldSet, tuple[Any, ...]]] = []  # since take_given() was called

    def get(self, record_id: str) -> RecordState | None:
        """Return the state of a record after the rows so far; None if no row has created or changed it."""
        return self._states.get(record_id)

    def remember(self, record_id: str, state: RecordState) -> None:
        """Remember the state in which a row leaves a record."""
        columns = {name: value for name, value in state.columns.items() if name in self._remembered}
        self._states[record_id] = state._replace(columns=columns)

    def has_changed(self, field_set: FieldSet, values: tuple[Any, ...]) -> bool:
        """Return whether a row has taken or given up these values."""
        return values in self._holders.get(field_set, ())

    def holder(self, field_set: FieldSet, values: tuple[Any, ...]) -> str | None:
        """Return the id of the record to which a row has given these values, or None."""
        return self._holders.get(field_set, {}).get(values)

    def move(self, field_set: FieldSet, record_id: str, before: tuple[Any, ...], after: tuple[Any, ...]) -> None:
        """Record that a row changes these fields of a record from the values `before` to those `after`."""
        held = self._holders.setdefault(field_set, {})
        if None not in before and before != after:
            held[before] = None
        if None not in after and len(held) < MAX_HELD:
            held[after] = record_id
            if self._lists_given:
                self._given.append((field_set, after))

    def take_given(self) -> list[tuple[FieldSet, tuple[Any, ...]]]:
        """Return the (set, values) that records were given since the last call."""
        given, self._given = self._given, []
        return given
