"""Which links an actor sees: those to records that they may read."""

import json
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from peewee import Select

from backend.models.database import database
from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import SHOWN, Resource
from backend.services.storage.conditions import Condition, any_of
from backend.services.storage.listable import Shown, ShownLinks
from backend.services.storage.statements import slot


class VisibleLinks(NamedTuple):
    """The fields of which an actor does not see all links, and the values of the slots of these conditions."""

    shown: Shown
    values: Mapping[str, Any]


ALL_LINKS = VisibleLinks((), {})


def visible_links(actor: Actor, resource: Resource) -> VisibleLinks:
    """Return the VisibleLinks of a resource."""
    if not resource.definition.links:
        return ALL_LINKS
    shown: list[ShownLinks] = []
    values: dict[str, Any] = {}
    for name in resource.definition.links:
        target = resource.target(name)
        scope = visible_targets(actor, target)
        if not scope.everything:
            shown.append(ShownLinks(name, target.serial, scope.shape))
            values |= scope.values(target, f"{SHOWN}{name}")
    return VisibleLinks(tuple(shown), values)


def visible_targets(actor: Actor, target: Resource) -> policies.Scope:
    """Return the Scope of the records to which the actor sees links: those that they may read or refer to."""
    actions = dict.fromkeys(("read", target.definition.reference_action))
    return policies.Scope(any_of(policies.scope(target, action, actor).condition for action in actions))


def ids_within(target: Resource, scope: policies.Scope, ids: Collection[str]) -> set[str]:
    """Return those of the ids that records within a Scope have."""
    if not ids or not scope:
        return set()
    values = {"ids": json.dumps(sorted(ids)), **scope.values(target)}
    return {str(found) for (found,) in target.run(_select_ids, scope.shape, values=values)}


def _select_ids(target: Resource, scope: Condition) -> Select:
    record_id = target.column("id")
    return target.model.select(record_id).where(target.scoped(record_id.in_(database.ids(slot("ids"))), scope))
