"""Deletes records, and applies `on_delete` to the records that refer to them."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from peewee import IntegrityError, ModelDelete, Select

from backend.models.database import database
from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.errors import Conflict
from backend.services.storage import history
from backend.services.storage.conditions import ScopeShape, scope_values
from backend.services.storage.statements import slot
from backend.utils.clock import rfc3339, utcnow

IDS_AT_ONCE = 500


def delete_records(actor: Actor, resource: Resource, record_ids: Sequence[str], called: str = "The record") -> None:
    """Delete these records of a resource in the current transaction, with all that must be deleted with them.

    The database could follow the references too, but SQLite gives up at a depth of 1,000, and neither would change the
    `version`, and so the ETag, of a record whose reference is set to null. Raises Conflict while a record with a
    reference of `on_delete: restrict`, other than these themselves, refers to one that would be deleted; `called` is
    the name of these in its message.
    """
    deletion = _Deletion(actor, resource, record_ids)
    deletion.follow_references()
    deletion.require_no_blockers(called)
    deletion.release()
    try:
        deletion.carry_out()
    except IntegrityError as error:  # from a resource that was declared a moment ago
        raise Conflict(f"{called} is still referenced by other records.") from error


class _Step(NamedTuple):
    """Records that are deleted together."""

    resource: Resource
    ids: list[str]


class _Referring(NamedTuple):
    """The records of a resource whose `field` refers to one of these ids of another."""

    resource: Resource
    field: str
    ids: list[str]

    def find(self, limit: int | None = None, allowed: policies.Scope = policies.EVERYTHING) -> list[str]:
        """Return the ids of those within a Scope; without a limit they are locked."""
        values = {"ids": json.dumps(self.ids), "limit": limit} | scope_values(self.resource, allowed.alternatives)
        rows = self.resource.run(_select_referring, self.field, limit is None, allowed.shape, values=values)
        return [str(record_id) for (record_id,) in rows]


class _Deletion:
    """The records that are deleted together, in the order in which references lead to them."""

    def __init__(self, actor: Actor, resource: Resource, record_ids: Sequence[str]) -> None:
        self.actor, self.resource = actor, resource
        self.chosen = {(resource.name, each) for each in record_ids}
        self.seen: set[tuple[str, str]] = set()  # (name of a resource, id)
        self.steps: list[_Step] = []  # only records of a later step refer to those of a step
        self.blocked: list[_Referring] = []  # their references forbid it
        self.released: list[_Referring] = []  # their references are set to null
        self._add(resource, list(record_ids))

    def _add(self, resource: Resource, ids: list[str]) -> None:
        """Add a step; records that are already in an earlier step are deleted in this one."""
        own = [name for name in _cascading(resource) if resource.definition.references[name].to == resource.name]
        ids = _with_descendants(resource, own, ids) if own else ids
        fresh = self._unseen(resource, ids)
        self.seen.update((resource.name, each) for each in fresh)
        history.note_end(self.actor.user_id, resource, fresh)
        for name in own:  # which no required reference can be
            _empty(resource, name, fresh)
        self.steps += [_Step(resource, some) for some in _chunks(ids)]

    def _unseen(self, resource: Resource, ids: list[str]) -> list[str]:
        return [each for each in ids if (resource.name, each) not in self.seen]

    def follow_references(self) -> None:
        """Find all records that refer to these, and to those that are deleted with them."""
        for target, ids in self.steps:  # which grow meanwhile
            for other, name in target.referrers:
                referring, on_delete = _Referring(other, name, ids), other.definition.references[name].on_delete
                if on_delete == "set_null":
                    self.released.append(referring)
                elif on_delete == "cascade":
                    self._cascade(referring)
                else:
                    self._restrict(referring)

    def _cascade(self, referring: _Referring) -> None:
        other, name, _ = referring
        found = referring.find()
        again = [each for each in found if (other.name, each) in self.seen]
        if again and not other.definition.fields[name].required:
            # They may even refer to each other in a circle: with one reference less, there is always an order.
            _empty(other, name, again)
            found = self._unseen(other, found)
        # Required references form no circle among resources, so they do not find the same records without end.
        if found:
            self._add(other, found)

    def _restrict(self, referring: _Referring) -> None:
        other, name, _ = referring
        found = referring.find(limit=len(self.chosen) + 1)
        if any((other.name, each) not in self.chosen for each in found):
            self.blocked.append(referring)
        elif found:
            _empty(other, name, found)

    def require_no_blockers(self, called: str) -> None:
        """Raise Conflict if references forbid it; it names the resources with such a record that the actor may see."""
        if not self.blocked:
            return
        names = {each.resource.name for each in self.blocked if self._may_see(each)}
        is_direct = any(
            (self.resource.name, each) in self.chosen for referring in self.blocked for each in referring.ids
        )
        what = called if is_direct else "A record that would be deleted with it"
        raise Conflict(f"{what} is still referenced by {', '.join(sorted(names)) or 'other records'}.")

    def _may_see(self, referring: _Referring) -> bool:
        definition = referring.resource.definition
        if referring.field in policies.hidden_fields(definition, self.actor):
            return False
        scopes = [policies.scope(definition, action, self.actor) for action in ("read", "list")]
        return any(allowed and referring.find(limit=1, allowed=allowed) for allowed in scopes)

    def release(self) -> None:
        """Set references of records that stay to null, as a change of theirs."""
        for referring in self.released:
            resource, name, _ = referring
            for some in _chunks(self._unseen(resource, referring.find())):
                version = resource.column("version")
                changes = {
                    resource.column(name): None,
                    version: version + 1,
                    resource.column("updated_at"): rfc3339(utcnow()),
                }
                with history.recorded(self.actor.user_id, resource, some):
                    resource.model.update(changes).where(resource.column("id").in_(some)).execute()

    def carry_out(self) -> None:
        """Delete the records, those first that nothing refers to."""
        for resource, ids in reversed(self.steps):
            resource.run(_delete, values={"ids": json.dumps(ids)})


def _select_referring(resource: Resource, name: str, locks: bool, scope: ScopeShape) -> Select:
    condition = resource.scoped(resource.column(name).in_(database.ids(slot("ids"))), scope)
    query = resource.model.select(resource.column("id")).where(condition)
    if not locks:
        return query.limit(slot("limit"))
    # Another request could let one refer to something else before it is deleted.
    return database.lock_for_update(query)


def _cascading(resource: Resource) -> list[str]:
    return [name for name, field in resource.definition.references.items() if field.on_delete == "cascade"]


def _with_descendants(resource: Resource, names: list[str], ids: list[str]) -> list[str]:
    """Return the ids of these records and of all that lead to them by references to this very resource; locks them."""
    query = database.descendants(resource.name, names)
    before: set[str] | None = None
    while True:
        found = [str(each) for (each,) in database.fetch_all(query, [json.dumps(ids)])]
        if before == set(found):
            return found
        for some in _chunks(found):
            resource.run(_lock, values={"ids": json.dumps(some)})
        before = set(found)


def _lock(resource: Resource) -> Select:
    key = resource.column("id")
    return database.lock_for_update(resource.model.select(key).where(key.in_(database.ids(slot("ids")))))


def _empty(resource: Resource, name: str, ids: list[str]) -> None:
    """Set a reference to null in records that are deleted anyway."""
    for some in _chunks(ids):
        resource.model.update({resource.column(name): None}).where(resource.column("id").in_(some)).execute()


def _delete(resource: Resource) -> ModelDelete:
    key = resource.column("id")
    return resource.model.delete().where(key.in_(database.ids(slot("ids")))).returning(key)


def _chunks(ids: list[str]) -> list[list[str]]:
    return [ids[start : start + IDS_AT_ONCE] for start in range(0, len(ids), IDS_AT_ONCE)]
