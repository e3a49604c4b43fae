"""Deletes records, and does with those that refer to them what `on_delete` says."""

import json

from peewee import IntegrityError

from backend.models.database import database
from backend.services.definitions import policies
from backend.services.errors import Conflict
from backend.services.storage import history
from backend.services.storage.conditions import scope_values
from backend.services.storage.statements import slot
from backend.utils.clock import rfc3339, utcnow

IDS_AT_ONCE = 500


def delete_records(actor, resource, record_ids, called="The record"):
    """Delete these records of a resource in the transaction there is, with all that is deleted with them.

    The database could follow the references too, but SQLite gives up at a depth of 1,000, and neither would change the
    `version`, and so the ETag, of a record whose reference is set to null. Raises Conflict while a record with a
    reference of `on_delete: restrict`, other than these themselves, refers to one that would be deleted; its message
    calls these `called`.
    """
    deletion = _Deletion(actor, resource, record_ids)
    deletion.find()
    deletion.require_no_blockers(called)
    deletion.set_to_null()
    try:
        deletion.carry_out()
    except IntegrityError as error:  # of a resource that was declared a moment ago
        raise Conflict(f"{called} is still referenced by other records.") from error


class _Deletion:
    """The records that are deleted together, in the order in which references lead to them."""

    def __init__(self, actor, resource, record_ids):
        self.actor, self.resource = actor, resource
        self.chosen = {(resource.name, each) for each in record_ids}
        self.seen = set()
        self.steps = []  # (Resource, ids); only records of a later step refer to those of a step
        self.blocked = []  # (Resource, field, ids): there is a `field` that forbids to delete one of these
        self.released = []  # (Resource, field, ids): `field` is set to null where it refers to one of these
        self._add(resource, record_ids)

    def _add(self, resource, ids):
        """Add a step; records that were in one before are deleted at the later one."""
        within = [name for name in _cascading(resource) if resource.definition.references[name].to == resource.name]
        ids = _with_descendants(resource, within, ids) if within else ids
        fresh = [each for each in ids if (resource.name, each) not in self.seen]
        self.seen.update((resource.name, each) for each in fresh)
        history.note_end(self.actor, resource, fresh)
        for name in within:  # which no required reference can be
            _empty(resource, name, fresh)
        self.steps += [(resource, some) for some in _chunks(ids)]

    def find(self):
        """Follow all references."""
        for target, ids in self.steps:  # which grow meanwhile
            for other, name in target.referrers:
                on_delete = other.definition.references[name].on_delete
                if on_delete == "set_null":
                    self.released.append((other, name, ids))
                elif on_delete == "cascade":
                    self._cascade(other, name, ids)
                else:
                    self._restrict(other, name, ids)

    def _cascade(self, other, name, ids):
        found = _referring(other, name, ids)
        again = [each for each in found if (other.name, each) in self.seen]
        if again and not other.definition.fields[name].required:
            # They may even refer to each other in a circle: a reference less is in the way of no order.
            _empty(other, name, again)
            found = [each for each in found if (other.name, each) not in self.seen]
        # Required references form no circle among resources, so what is found again by them is not found for ever.
        if found:
            self._add(other, found)

    def _restrict(self, other, name, ids):
        found = _referring(other, name, ids, limit=len(self.chosen) + 1)
        if any((other.name, each) not in self.chosen for each in found):
            self.blocked.append((other, name, ids))
        elif found:
            _empty(other, name, found)

    def require_no_blockers(self, called):
        """Raise Conflict if references forbid it; it names the resources with such a record that the actor may see."""
        if not self.blocked:
            return
        names = {other.name for other, name, ids in self.blocked if self._may_see(other, name, ids)}
        is_direct = any((self.resource.name, each) in self.chosen for _, _, ids in self.blocked for each in ids)
        what = called if is_direct else "A record that would be deleted with it"
        raise Conflict(f"{what} is still referenced by {', '.join(sorted(names)) or 'other records'}.")

    def _may_see(self, resource, name, ids):
        if name in policies.hidden_fields(resource.definition, self.actor):
            return False
        return any(
            allowed and _referring(resource, name, ids, limit=1, allowed=allowed)
            for allowed in (policies.scope(resource.definition, action, self.actor) for action in ("read", "list"))
        )

    def set_to_null(self):
        """Set references of records that stay to null, as a change of theirs."""
        for resource, name, ids in self.released:
            found = _referring(resource, name, ids)
            for some in _chunks([each for each in found if (resource.name, each) not in self.seen]):
                version = resource.column("version")
                changes = {
                    resource.column(name): None,
                    version: version + 1,
                    resource.column("updated_at"): rfc3339(utcnow()),
                }
                with history.recorded(self.actor, resource, some):
                    resource.model.update(changes).where(resource.column("id").in_(some)).execute()

    def carry_out(self):
        """Delete the records, those first that nothing refers to."""
        for resource, ids in reversed(self.steps):
            resource.run(_delete, values={"ids": json.dumps(ids)})


def _referring(resource, name, ids, limit=None, allowed=policies.EVERYTHING):
    """Return the ids of the records, within a Scope, whose field `name` refers to one of these."""
    values = {"ids": json.dumps(ids), "limit": limit} | scope_values(resource, allowed)
    rows = resource.run(_select_referring, name, limit is None, allowed.shape, values=values)
    return [str(record_id) for (record_id,) in rows]


def _select_referring(resource, name, has_no_limit, shape):
    condition = resource.scoped(resource.column(name).in_(database.ids(slot("ids"))), shape)
    query = resource.model.select(resource.column("id")).where(condition)
    # Held, or another request could let one refer to something else before it is deleted.
    return database.lock_for_update(query) if has_no_limit else query.limit(slot("limit"))


def _cascading(resource):
    return [name for name, kind in resource.definition.references.items() if kind.on_delete == "cascade"]


def _with_descendants(resource, names, ids):
    """Return the ids of these records and of all that lead to them by references to this very resource; holds them."""
    query, found = database.descendants(resource.name, names), None
    while True:
        before, found = found, [str(each) for (each,) in database.fetch_all(query, [json.dumps(ids)])]
        if before is not None and set(found) == set(before):
            return found
        for some in _chunks(found):
            resource.run(_select_held, values={"ids": json.dumps(some)})


def _select_held(resource):
    key = resource.column("id")
    return database.lock_for_update(resource.model.select(key).where(key.in_(database.ids(slot("ids")))))


def _empty(resource, name, ids):
    """Set a reference to null in records that are deleted anyway."""
    for some in _chunks(ids):
        resource.model.update({resource.column(name): None}).where(resource.column("id").in_(some)).execute()


def _delete(resource):
    key = resource.column("id")
    return resource.model.delete().where(key.in_(database.ids(slot("ids")))).returning(key)


def _chunks(ids):
    return [ids[start : start + IDS_AT_ONCE] for start in range(0, len(ids), IDS_AT_ONCE)]
