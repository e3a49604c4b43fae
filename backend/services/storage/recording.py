"""Records changes of records: in their history, in the feed of changes, or in both."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from backend.services.storage import feed, history
from backend.services.storage.listable import Listable

NEW: Collection[str] = ()  # in place of names of fields: the records are created


@contextmanager
def recorded(
    user_id: str | None, listable: Listable, ids: Sequence[str], names: Collection[str] = NEW
) -> Iterator[None]:
    """Return the context of a block in a transaction that creates these records, or writes the named fields of them."""
    if not listable.is_recorded:
        yield
        return
    before = history.read(listable, ids) if listable.keeps_history and names else {}
    yield
    if listable.keeps_history:
        history.keep(user_id, listable, before, history.read(listable, ids))
    if listable.has_feed:
        feed.note(user_id, listable, ids, "update" if names else "create", names)


def record_end(user_id: str | None, listable: Listable, ids: Sequence[str]) -> None:
    """Record the deletion of records that are about to be deleted."""
    if listable.keeps_history:
        history.keep(user_id, listable, history.read(listable, ids), {})
    if listable.has_feed:
        feed.note(user_id, listable, ids, "delete")
