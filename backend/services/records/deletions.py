"""Deletes records, and applies `on_delete` to the records that refer to them."""

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from peewee import IntegrityError, ModelDelete, Select

from backend.models.database import database
from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.errors import Conflict
from backend.services.files.attachments import remove_of_records
from backend.services.records.link_writes import find_linking, remove_links
from backend.services.storage.conditions import Condition
from backend.services.storage.recording import record_end, recorded
from backend.services.storage.statements import one_plan, slot
from backend.utils.clock import rfc3339, utcnow

IDS_AT_ONCE = 500
NO_CHANGES: Mapping[Any, Any] = MappingProxyType({})


def delete_records(actor: Actor, resource: Resource, record_ids: Sequence[str], subject: str = "The record") -> None:
    """Delete these records in the current transaction, and all records that `on_delete: cascade` deletes with them.

    Links to them are removed, which raises the version of the records that had them.

    The database could follow the references, but SQLite fails at a depth of 1,000, and neither database would change
    the `version`, and so the ETag, of a record whose reference is set to null.

    Raises Conflict if a record that is not one of these refers with `on_delete: restrict` to one that would be deleted,
    or would not meet a check without its reference. The message calls these records `subject`.
    """
    try:
        deletion = _Deletion(actor, resource, record_ids)
        deletion.follow_references()
        deletion.require_no_blockers(subject)
        deletion.set_references_to_null()
        deletion.remove_links()
        deletion.execute()
    except IntegrityError as error:
        if database.violated(error, {}).kind == "check":
            message = f"{subject} cannot be deleted: without it, another record would not meet a check of its resource."
            raise Conflict(message) from error
        # A resource created a moment ago refers to them.
        raise Conflict(f"{subject} is still referenced by other records.") from error


class _Step(NamedTuple):
    """Records that are deleted together."""

    resource: Resource
    ids: list[str]


class _ReferringRecords(NamedTuple):
    """The records of `resource` whose `field` refers to a record with one of the `ids`."""

    resource: Resource
    field: str
    ids: list[str]

    def find(self, limit: int | None = None, scope: policies.Scope = policies.EVERYTHING) -> list[str]:
        """Return the ids of those that are in the Scope. Without a limit, lock their rows."""
        values = {"ids": json.dumps(self.ids), "limit": limit} | scope.values(self.resource)
        rows = self.resource.run(_select_referring_query, self.field, limit is None, scope.shape, values=values)
        return [str(record_id) for (record_id,) in rows]


class _Deletion:
    """The records to delete, in steps: first the requested ones, then those that refer to them, and so on."""

    def __init__(self, actor: Actor, resource: Resource, record_ids: Sequence[str]) -> None:
        self.actor, self.resource = actor, resource
        self.requested = {(resource.name, each) for each in record_ids}
        self.seen: set[tuple[str, str]] = set()  # (name of a resource, id)
        self.steps: list[_Step] = []  # records of a step are referred to only by records of later steps
        self.blockers: list[_ReferringRecords] = []  # prevent the deletion, by `on_delete: restrict`
        self.to_set_null: list[_ReferringRecords] = []  # their references must be set to null
        self._add(resource, list(record_ids))

    def _add(self, resource: Resource, ids: list[str]) -> None:
        """Add steps for these records. Those that are already in an earlier step are deleted in the new one."""
        self_references = [
            name for name in _cascade_fields(resource) if resource.definition.references[name].to == resource.name
        ]
        ids = _with_descendants(resource, self_references, ids) if self_references else ids
        new_ids = self._unseen(resource, ids)
        self.seen.update((resource.name, each) for each in new_ids)
        record_end(self.actor.user_id, resource, new_ids)
        for name in self_references:  # these fields are never required, so they can be null
            _set_null(resource, name, new_ids)
        self.steps += [_Step(resource, chunk) for chunk in _chunks(ids)]

    def _unseen(self, resource: Resource, ids: list[str]) -> list[str]:
        return [each for each in ids if (resource.name, each) not in self.seen]

    def follow_references(self) -> None:
        """Find all records that refer to the requested ones, or to those that are deleted with them."""
        for target, ids in self.steps:  # the loop itself adds steps
            for other, name in target.referrers:
                referring, on_delete = _ReferringRecords(other, name, ids), other.definition.references[name].on_delete
                if on_delete == "set_null":
                    self.to_set_null.append(referring)
                elif on_delete == "cascade":
                    self._cascade(referring)
                else:
                    self._restrict(referring)

    def _cascade(self, referring: _ReferringRecords) -> None:
        other, name, _ = referring
        found = referring.find()
        seen_before = [each for each in found if (other.name, each) in self.seen]
        if seen_before and not other.definition.fields[name].required:
            # The records may refer to each other in a circle. Setting this reference to null breaks the circle.
            _set_null(other, name, seen_before)
            found = self._unseen(other, found)
        # This ends even for required references, because those cannot form a circle of resources.
        if found:
            self._add(other, found)

    def _restrict(self, referring: _ReferringRecords) -> None:
        other, name, _ = referring
        found = referring.find(limit=len(self.requested) + 1)
        if any((other.name, each) not in self.requested for each in found):
            self.blockers.append(referring)
        elif found:
            _set_null(other, name, found)

    def require_no_blockers(self, subject: str) -> None:
        """Raise Conflict if there are blockers. The message names the resources of those that the actor may see."""
        if not self.blockers:
            return
        names = {each.resource.name for each in self.blockers if self._may_see(each)}
        is_direct = any(
            (self.resource.name, each) in self.requested for referring in self.blockers for each in referring.ids
        )
        blocked = subject if is_direct else "A record that would be deleted with it"
        raise Conflict(f"{blocked} is still referenced by {', '.join(sorted(names)) or 'other records'}.")

    def _may_see(self, referring: _ReferringRecords) -> bool:
        resource = referring.resource
        if referring.field in policies.hidden_fields(resource.definition, self.actor):
            return False
        scopes = [policies.scope(resource, action, self.actor) for action in ("read", "list")]
        return any(scope and referring.find(limit=1, scope=scope) for scope in scopes)

    def set_references_to_null(self) -> None:
        """Set the references of records that stay to null. This changes their version and history."""
        for referring in self.to_set_null:
            resource, name, _ = referring
            for chunk in _chunks(self._unseen(resource, referring.find())):
                with recorded(self.actor.user_id, resource, chunk, [name]):
                    raise_versions(resource, chunk, {resource.column(name): None})

    def remove_links(self) -> None:
        """Remove the links of records that stay. This changes their version once, and their history."""
        targets: dict[str, list[str]] = {}
        for target, ids in self.steps:
            targets.setdefault(target.name, []).extend(ids)
        linking: dict[str, list[tuple[str, list[str]]]] = {}  # by resource: (field, ids of its targets)
        for name, ids in targets.items():
            for other, field in self.resource.catalog.target(name).linkers:
                linking.setdefault(other.name, []).append((field, ids))
        for name, links in linking.items():
            self._remove_links_of(self.resource.catalog[name], links)

    def _remove_links_of(self, resource: Resource, links: list[tuple[str, list[str]]]) -> None:
        found = [find_linking(resource, field, ids) for field, ids in links]
        for chunk in _chunks(self._unseen(resource, sorted(set().union(*found)))):
            with recorded(self.actor.user_id, resource, chunk, [field for field, _ in links]):
                for field, ids in links:
                    remove_links(resource, field, chunk, ids)
                raise_versions(resource, chunk)

    def execute(self) -> None:
        """Delete the records, beginning with the last step: nothing refers to its records."""
        for resource, ids in reversed(self.steps):
            if resource.definition.files:
                remove_of_records(resource.name, ids)
            resource.run(_delete_query, values={"ids": json.dumps(ids)})


def raise_versions(resource: Resource, ids: list[str], changes: Mapping[Any, Any] = NO_CHANGES) -> None:
    """Raise the version of these records, with changes of other columns."""
    version = resource.column("version")
    values = {**changes, version: version + 1, resource.column("updated_at"): rfc3339(utcnow())}
    resource.model.update(values).where(resource.column("id").in_(ids)).execute()


def _select_referring_query(resource: Resource, name: str, locks: bool, scope: Condition) -> Select:
    condition = resource.scoped(resource.column(name).in_(database.ids(slot("ids"))), scope)
    query = resource.model.select(resource.column("id")).where(condition)
    if not locks:
        return query.limit(slot("limit"))
    # Otherwise a concurrent request could change the reference before the record is deleted.
    return database.lock_for_update(query)


def _cascade_fields(resource: Resource) -> list[str]:
    return [name for name, field in resource.definition.references.items() if field.on_delete == "cascade"]


def _with_descendants(resource: Resource, names: list[str], ids: list[str]) -> list[str]:
    """Lock these records, and all records of the resource that refer to them, directly or not; return all ids."""
    query = database.descendants(resource.name, names)
    before: set[str] | None = None
    while True:
        found = [str(each) for (each,) in database.fetch_all(query, [json.dumps(ids)])]
        if before == set(found):
            return found
        for chunk in _chunks(found):
            resource.run(_lock_query, values={"ids": json.dumps(chunk)})
        before = set(found)


@one_plan
def _lock_query(resource: Resource) -> Select:
    key = resource.column("id")
    return database.lock_for_update(resource.model.select(key).where(key.in_(database.ids(slot("ids")))))


def _set_null(resource: Resource, name: str, ids: list[str]) -> None:
    """Set a reference to null in records that will be deleted, without a new version."""
    for chunk in _chunks(ids):
        resource.model.update({resource.column(name): None}).where(resource.column("id").in_(chunk)).execute()


@one_plan
def _delete_query(resource: Resource) -> ModelDelete:
    key = resource.column("id")
    return resource.model.delete().where(key.in_(database.ids(slot("ids")))).returning(key)


def _chunks(ids: list[str]) -> list[list[str]]:
    return [ids[start : start + IDS_AT_ONCE] for start in range(0, len(ids), IDS_AT_ONCE)]
