"""Lists the changes in the feed that an actor may see, with cursors: what `GET /changes` and streams answer."""

import json
from typing import Any, NamedTuple, get_args

from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Catalog, Resource
from backend.services.errors import Invalid
from backend.services.records.change_cursors import ChangeCursors
from backend.services.records.change_views import ChangeView
from backend.services.storage.feed import Action
from backend.services.storage.feed_reading import RecordChange
from backend.utils.problems import Problem

ACTIONS: tuple[str, ...] = get_args(Action)
MAX_FOLLOWED = 50  # resources whose changes are read together


class ListedChange(NamedTuple):
    """A change as JSON text; `cursor` continues after it."""

    cursor: str
    json: str


class ChangePage(NamedTuple):
    """Some changes; `cursor` continues after them, `more` says whether more were left out."""

    items: list[ListedChange]
    cursor: str
    more: bool


class ChangeQuery(NamedTuple):
    """What an actor asks of the feed: `after` None means from now on.

    A page has at most `max_bytes` of records, and at least one; by default as many as a response may have.
    """

    resources: tuple[str, ...]
    after: str | None = None
    limit: int = 100
    with_data: bool = False
    max_bytes: int | None = None


def list_changes(actor: Actor, catalog: Catalog, query: ChangeQuery) -> ChangePage:
    """Return the ChangePage of the changes that an actor may see.

    Those who may list all records see all changes. Others see changes of records that are in their scope now, only the
    latest of each, and no deletions: an earlier version may not have been in it.

    Raises Invalid for an unknown resource and for one without a feed, Unauthenticated or Denied if the actor may list
    no records of one, Malformed and Expired for cursors.
    """
    resources = [_resource(actor, catalog, name) for name in query.resources]
    cursors = ChangeCursors(catalog.catalogs.cursor_serializer, query.resources)
    end = cursors.state.end
    if query.after is None:
        return ChangePage([], cursors.write(end), more=False)
    view = ChangeView(actor, resources, with_data=query.with_data)
    found = view.find(cursors.read(query.after), end, query.limit + 1)
    page = view.fitting(found[: query.limit], query.max_bytes)
    more = len(page) < len(found)
    items = [_to_json(*each, cursors) for each in view.show(page)]
    cursor = cursors.write(page[-1].position, page[-1].at) if more else cursors.write(end)
    return ChangePage(items, cursor, more)


def _resource(actor: Actor, catalog: Catalog, name: str) -> Resource:
    resource = catalog.get(name)
    if resource is None:
        raise Invalid({"resource": [Problem("not_found", f"There is no resource {name}.")]}, "query")
    policies.authorize(resource, "list", actor)
    if not resource.has_feed:
        text = f"{name} has no feed: its definition lacks `feed: true`."
        raise Invalid({"resource": [Problem("not_allowed", text)]}, "query")
    return resource


def _to_json(change: RecordChange, data: str | None, cursors: ChangeCursors) -> ListedChange:
    cursor = cursors.write(change.position, change.at)
    head = json.dumps({"cursor": cursor, **members_of(change)}, separators=(",", ":"))
    return ListedChange(cursor, head if data is None else f'{head[:-1]},"data":{data}}}')


def members_of(change: RecordChange) -> dict[str, Any]:
    """Return the members of the JSON of a change, but its cursor and its data."""
    members = {"resource": change.resource, "id": change.record_id, "action": change.action, "version": change.version}
    return members | {"fields": change.fields, "at": change.at, "by": change.by}
