"""The feeds of changes of resources: where each begins."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from peewee import Case

from backend.models.delivery import Delivery
from backend.models.feed import Feed, FeedChange
from backend.models.webhook import Webhook
from backend.services.definitions.changes import Alteration
from backend.services.definitions.definition import Definition
from backend.utils.clock import utcnow
from backend.utils.ids import uuid7


def start(definition: Definition) -> None:
    """Begin the feed of a resource here, if its definition has one. Its readers must list the records again."""
    if definition.feed:
        position = _new_position(definition.name)
        if not Feed.update(position).where(Feed.resource == definition.name).execute():
            Feed.insert(resource=definition.name, **position).execute()


def _new_position(name: str) -> dict[str, int]:
    """Return a position after all former ones: that of a row which is deleted at once."""
    row = {"resource": name, "record_id": uuid7(), "action": "", "version": 0, "fields": [], "created_at": utcnow()}
    columns = FeedChange.transaction_id, FeedChange.sequence
    ((transaction_id, sequence),) = FeedChange.insert(row).returning(*columns).tuples().execute()
    FeedChange.delete().where(FeedChange.sequence == sequence).execute()
    return {"transaction_id": transaction_id, "sequence": sequence}


def delete(definition: Definition) -> None:
    """Delete the feed of a resource, if its definition has one. Webhooks lose the resource."""
    for model in (FeedChange, Feed) if definition.feed else ():
        model.delete().where(model.resource == definition.name).execute()
    if definition.feed:
        Webhook.rename_resources({definition.name: None})


def update_for(changes: Iterable[Alteration]) -> None:
    """Update the feeds for changes of definitions: new names of resources, feeds that end, and those that begin again.

    The changes of a resource follow its new name, and so do webhooks. A feed begins anew if rows may look different
    without a new version, or if the names of fields in its former changes would mean other fields.
    """
    changes = list(changes)
    _rename({change.old.name: change.new.name for change in changes if change.old.name != change.new.name})
    for change in changes:
        if change.old.feed and not change.new.feed:
            delete(replace(change.old, name=change.new.name))
        elif change.new.feed and (not change.old.feed or _changes_rows(change)):
            start(change.new)


def _rename(new_names: Mapping[str, str]) -> None:
    for model in (FeedChange, Feed, Delivery) if new_names else ():
        # In one statement, or two resources that swap their names would become one.
        new_name = Case(model.resource, list(new_names.items()))
        model.update(resource=new_name).where(model.resource.in_(list(new_names))).execute()
    if new_names:
        Webhook.rename_resources(new_names)


def _changes_rows(change: Alteration) -> bool:
    """Return whether a change gives records other values, or shows other fields or records to some readers."""
    readers = any(old.readable_by != new.readable_by for old, new in change.field_pairs.values())
    filled = any(field.computed is not None or field.first_number is not None for field in change.added.values())
    grants = change.old.access.get("list") != change.new.access.get("list")
    others = change.dropped or change.renamed or change.converters or change.defaults
    return readers or filled or grants or bool(others)
