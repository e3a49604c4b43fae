"""What an actor may see of the feed of changes, in the scope and with the fields that they have now."""

import json
from collections.abc import Sequence
from heapq import merge
from itertools import accumulate, islice, takewhile
from typing import Any, NamedTuple

from peewee import SQL, Expression, Node, Select, Tuple, fn

from backend.models.database import database
from backend.models.feed import FeedChange
from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.records.shown_links import visible_links
from backend.services.storage.answer_sizes import bounded_json, may_be_too_large, response_limit, size_of
from backend.services.storage.conditions import Condition
from backend.services.storage.feed_reading import CHANGE_COLUMNS, Position, RecordChange, read_changes, to_change
from backend.services.storage.listable import Names, Shown
from backend.services.storage.statements import slot

AFTER = Tuple(slot("transaction_id"), slot("sequence"))

Rows = dict[str, list[Any]]  # of current records by id: version and JSON


class VisibleChange(NamedTuple):
    """A change that an actor may see, with the JSON of its data; None if the data is not asked for."""

    change: RecordChange
    data: str | None


class ChangeView:
    """The changes of resources with a feed, as far as an actor may see them."""

    def __init__(self, actor: Actor, resources: Sequence[Resource], *, with_data: bool) -> None:
        self._actor, self._people = actor, resources[0].catalog.people
        self._readers = {resource.name: _Reader(actor, resource, with_data) for resource in resources}

    def find(self, after: Position, end: Position, limit: int) -> list[RecordChange]:
        """Return the first changes between two Positions that the actor may see, at most `limit`.

        All that are hidden are passed over at once: a page that ended at them would show how many there are.
        """
        readers = self._readers.values()
        complete = [name for name, reader in self._readers.items() if reader.sees_everything]
        found = [read_changes(after, complete, limit)] if complete else []
        found += [reader.read_latest(after, limit) for reader in readers if not reader.sees_everything]
        # A later statement may see later changes, before which an earlier one has missed some.
        settled = takewhile(lambda change: change.position <= end, merge(*found, key=lambda change: change.position))
        return list(islice(settled, limit))

    def fitting(self, changes: Sequence[RecordChange], max_bytes: int | None = None) -> Sequence[RecordChange]:
        """Return the first changes, whose data has at most `max_bytes`, but at least one.

        By default that is as much as a response may have.
        """
        most = response_limit.max_bytes if max_bytes is None else max_bytes
        sizes = {name: self._readers[name].sizes(some, most) for name, some in _by_resource(changes).items()}
        if not any(sizes.values()):
            return changes
        summed = accumulate(sizes[change.resource].get(change.record_id, 0) for change in changes)
        return changes[: max(1, sum(so_far <= most for so_far in summed))]

    def show(self, changes: Sequence[RecordChange]) -> list[VisibleChange]:
        """Return what the actor may see of changes that were found. Of records that have left the scope: nothing.

        Without data, those are not looked for.
        """
        current = {name: self._readers[name].read_current(some) for name, some in _by_resource(changes).items()}
        seen = [(each, self._readers[each.resource], current[each.resource]) for each in changes]
        shows_all_users = policies.scope(self._people, "read", self._actor).everything
        return [
            VisibleChange(reader.narrow(change, with_author=shows_all_users), reader.data_of(change, rows))
            for change, reader, rows in seen
            if reader.may_see(change, rows)
        ]


def _by_resource(changes: Sequence[RecordChange]) -> dict[str, list[RecordChange]]:
    grouped: dict[str, list[RecordChange]] = {}
    for change in changes:
        grouped.setdefault(change.resource, []).append(change)
    return grouped


class _Reader:
    """Reads what an actor may see of the changes of a resource."""

    def __init__(self, actor: Actor, resource: Resource, with_data: bool) -> None:
        self._resource, self._user_id, self.with_data = resource, actor.user_id, with_data
        self._scope = policies.scope(resource, "list", actor)
        self._names = resource.visible_fields_or_all(policies.hidden_fields(resource.definition, actor))
        self._links = visible_links(actor, resource)

    @property
    def sees_everything(self) -> bool:
        """Whether the actor may list all records."""
        return self._scope.everything

    def read_latest(self, after: Position, limit: int) -> list[RecordChange]:
        """Return the latest changes of records in the scope after a Position, in order, at most `limit`."""
        values = {**after._asdict(), "resource": self._resource.name, "limit": limit}
        values |= self._scope.values(self._resource)
        return [to_change(row) for row in self._resource.run(_select_latest, self._scope.shape, values=values)]

    def sizes(self, changes: Sequence[RecordChange], most: int) -> dict[str, int]:
        """Return the sizes of the current records, by id; none if all together have no more than `most` bytes."""
        if not self.with_data or not may_be_too_large(self._resource, self._names, len(changes), most):
            return {}
        shape = (self._scope.shape, self._names, self._links.shown)
        rows = self._resource.run(_select_sizes, *shape, values=self._values(changes))
        return {str(record_id): size for record_id, size in rows}

    def read_current(self, changes: Sequence[RecordChange]) -> Rows:
        """Return the current records of changes, as far as they are in the scope; none if no data is asked for."""
        if not self.with_data:
            return {}
        shape = (self._scope.shape, self._names, self._links.shown, response_limit.max_bytes)
        rows = self._resource.run(_select_current, *shape, values=self._values(changes))
        return {str(record_id): current for record_id, *current in rows}

    def _values(self, changes: Sequence[RecordChange]) -> dict[str, Any]:
        ids = sorted({change.record_id for change in changes if change.action != "delete"})
        return {"ids": json.dumps(ids), **self._scope.values(self._resource), **self._links.values}

    def may_see(self, change: RecordChange, current: Rows) -> bool:
        """Return whether the actor may see a change with this data; its record may have left the scope by now."""
        version: int | None = current.get(change.record_id, [None])[0]
        return self.sees_everything or not self.with_data or change.version == version

    def narrow(self, change: RecordChange, *, with_author: bool) -> RecordChange:
        """Return a change without the names of fields that the actor may not see, or not all links of.

        Its author is left out, too, unless it is the actor or `with_author` is true.
        """
        visible = set(self._names or self._resource.fields) - {each.field for each in self._links.shown}
        by = change.by if with_author or change.by == self._user_id else None
        return change._replace(fields=[name for name in change.fields if name in visible], by=by)

    def data_of(self, change: RecordChange, current: Rows) -> str | None:
        """Return the JSON of the current record, `null` if there is none; None if it is not asked for."""
        if not self.with_data:
            return None
        data: str | None = None if change.action == "delete" else current.get(change.record_id, [0, None])[1]
        return data or "null"


def _select_latest(resource: Resource, scope: Condition) -> Select:
    """Return the query of the changes that made rows in a scope what they are now."""
    made = (resource.column("id") == FeedChange.record_id) & (resource.column("version") == FeedChange.version)
    is_current = fn.EXISTS(resource.model.select(SQL("1")).where(resource.scoped(made, scope)))
    return (
        FeedChange.select(*(getattr(FeedChange, name) for name in CHANGE_COLUMNS))
        .where(
            Expression(Tuple(FeedChange.transaction_id, FeedChange.sequence), ">", AFTER),
            SQL(database.feed.is_settled),
            FeedChange.resource == slot("resource"),
            FeedChange.action != "delete",
            is_current,
        )
        .order_by(FeedChange.transaction_id, FeedChange.sequence)
        .limit(slot("limit"))
    )


def _select_current(resource: Resource, scope: Condition, names: Names, shown: Shown, max_bytes: int) -> Select:
    return _select(resource, scope, resource.column("version"), bounded_json(resource, names, max_bytes, shown))


def _select_sizes(resource: Resource, scope: Condition, names: Names, shown: Shown) -> Select:
    return _select(resource, scope, size_of(resource, names, shown))


def _select(resource: Resource, scope: Condition, *columns: Node) -> Select:
    """Return the query of the ids and these columns of the wanted rows in a scope."""
    record_id = resource.column("id")
    condition = resource.scoped(record_id.in_(database.ids(slot("ids"))), scope)
    return resource.model.select(record_id, *columns).where(condition)
