"""What happens to the records that a user created when the user is deleted."""

from peewee import ColumnBase

from backend.models.database import database
from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.errors import Conflict
from backend.services.records.deletions import delete_records
from backend.services.storage.recording import recorded
from backend.utils.clock import rfc3339, utcnow


def settle_owned(actor: Actor, resource: Resource, user_id: str) -> None:
    """Apply `on_owner_delete` to the records that a user created, before the user is deleted.

    Raises Conflict when it says `restrict`, or when a record that would be deleted is still referenced.
    """
    owned = resource.column("created_by") == user_id
    rule = resource.definition.on_owner_delete
    if rule == "set_null":
        _release(actor, resource, owned)
        return
    ids = _hold(resource, owned, limit=1 if rule == "restrict" else None)
    if not ids:
        return
    may_see = any(policies.scope(resource, action, actor) for action in ("read", "list"))
    what = f"records of {resource.name}" if may_see else "records"
    if rule == "restrict":
        raise Conflict(f"The user still owns {what}, and `on_owner_delete: restrict` forbids deleting their owner.")
    with database.atomic():
        delete_records(actor, resource, ids, subject=f"One of the {what} that the user owns")


def _release(actor: Actor, resource: Resource, owned: ColumnBase) -> None:
    changes = {
        resource.column("created_by"): None,
        resource.column("version"): resource.column("version") + 1,
        resource.column("updated_at"): rfc3339(utcnow()),
    }
    ids = _hold(resource, owned) if resource.is_recorded else []
    with recorded(actor.user_id, resource, ids, ["created_by"]):
        resource.model.update(changes).where(owned).execute()


def _hold(resource: Resource, condition: ColumnBase, limit: int | None = None) -> list[str]:
    """Return the ids of these records, and lock them until the transaction ends."""
    query = database.lock_for_update(resource.model.select(resource.column("id")).where(condition).limit(limit))
    return [str(record_id) for (record_id,) in database.execute(query).fetchall()]
