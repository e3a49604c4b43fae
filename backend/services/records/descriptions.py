"""Describes what an actor sees and may do, so that a client can offer nothing that would be refused.

A description depends on nothing but the definitions and the roles of the actor.
"""

import hashlib
import json
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

from backend.services.access.actors import Actor
from backend.services.access.permissions import permissions_of
from backend.services.definitions import policies
from backend.services.definitions.catalog import Catalog, Resource
from backend.services.definitions.definition import SYSTEM_FIELDS
from backend.services.definitions.people import PeopleDefinition, searched_fields, shown_fields
from backend.services.definitions.schema import ACTIONS
from backend.services.field_types.base import FieldType
from backend.services.records.upserts import upsert_keys
from backend.services.records.visible_queries import expandable_relations, visible_paths

MAX_KEPT, MAX_KEPT_LENGTH = 32, 10_000_000  # descriptions of one Catalog, one for each set of roles; their characters
TAG_BYTES = 12
NAMES_OF_ACTIONS = (*ACTIONS, "export", "aggregate", "import", "history")

Json = dict[str, Any]  # a part of a description


class Description(NamedTuple):
    """A description as JSON text, and a hash of it."""

    json: str
    tag: str


def describe(actor: Actor, catalog: Catalog, registration: Mapping[str, bool]) -> Description:
    """Return the Description of what the actor sees. `registration` is the same at each call.

    For example, `{"permissions": [], "registration": {"open": true, …}, …, "resources": [{"name": "books", …}]}`.
    """
    permissions = sorted(permissions_of(actor.roles))
    is_user, in_session = actor.user_id is not None, actor.api_key_id is None
    key: Hashable = (actor.roles, tuple(permissions), is_user, in_session, actor.owns)
    description: Description | None = catalog.descriptions.get(key)
    if description is None:
        listable = [each for each in catalog.values() if policies.has_grant(each, "list", actor)]
        parts = {
            "permissions": permissions,
            "registration": registration,
            "profile": _profile(actor, catalog.people) if is_user else [],
            "directory": _directory(actor, catalog.people),
            "resources": [_resource(actor, each) for each in listable],
        }
        text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
        description = Description(text, hashlib.sha256(text.encode()).hexdigest()[: 2 * TAG_BYTES])
        _keep(catalog.descriptions, key, description)
    return description


def _keep(kept: dict[Hashable, Description], key: Hashable, description: Description) -> None:
    """Keep a description, which took milliseconds to write for each resource; forget the others if they are many."""
    if len(kept) >= MAX_KEPT or sum(len(each.json) for each in kept.copy().values()) > MAX_KEPT_LENGTH:
        kept.clear()
    kept[key] = description


def _profile(actor: Actor, people: Resource) -> list[Json]:
    """Return the descriptions of the profile fields; `writable` is about the actor's own account."""
    definition = people.definition
    assert isinstance(definition, PeopleDefinition)
    in_session = actor.api_key_id is None
    return [
        _field(
            actor,
            name,
            field,
            writable=["update"] if in_session and policies.may_set_profile_field(actor, field) else [],
        )
        for name, field in definition.profile_fields.items()
    ]


def _directory(actor: Actor, people: Resource) -> Json | None:
    """Return the description of the directory; None if the actor does not see it."""
    if policies.extent(people, "read", actor) != "all":
        return None
    definition = people.definition
    return {
        "label": definition.label_for(policies.hidden_fields(definition, actor)),
        "search": searched_fields(definition),
        "fields": [_field(actor, name, field, is_queryable=True) for name, field in shown_fields(definition).items()],
    }


def _resource(actor: Actor, resource: Resource) -> Json:
    definition = resource.definition
    hidden, locked = (find(definition, actor) for find in (policies.hidden_fields, policies.locked_fields))
    actions = _actions(actor, resource)
    return {
        "name": definition.name,
        "description": definition.description,
        "label": definition.label_for(hidden),
        "search": [name for name in definition.search if name not in hidden],
        "keys": [*upsert_keys(definition, hidden | locked)],
        "require_if_match": definition.require_if_match,
        "feed": definition.feed,
        "actions": actions,
        "fields": [
            _field(
                actor,
                name,
                field,
                writable=_writable(name, locked, actions),
                is_readable=name not in hidden,
                is_queryable=name not in hidden,
                target=_target(actor, resource, field),
            )
            for name, field in resource.fields.items()
            if name not in hidden & locked
        ],
        "paths": [
            _field(actor, name, field, is_queryable=True, target=_target(actor, resource, field))
            for name, field in visible_paths(actor, resource).items()
        ],
        "relations": [
            {"name": name, "resource": relation.target, "field": relation.field}
            | {"many": relation.is_many, "back": relation.is_back}
            for name, relation in expandable_relations(actor, resource).items()
        ],
    }


def _actions(actor: Actor, resource: Resource) -> dict[str, policies.Extent]:
    """Return the map of action to the records on which the actor may perform it, without those that they may not."""
    granted = {action: policies.extent(resource, action, actor) for action in ACTIONS}
    others = {
        "export": granted["list"],
        "aggregate": granted["list"],
        "import": granted["create"] or granted["update"],
        "history": granted["read"] if resource.definition.history else None,
    }
    return {action: extent for action, extent in (granted | others).items() if extent}


def _writable(name: str, locked: frozenset[str], actions: Mapping[str, Any]) -> list[str]:
    """Return the actions that may set a field."""
    may_set = name not in SYSTEM_FIELDS and name not in locked
    return [action for action in ("create", "update") if may_set and action in actions]


def _target(actor: Actor, resource: Resource, field: FieldType) -> Resource | None:
    """Return the resource to which a field refers; None for another field, and if the actor does not see it."""
    target = resource.catalog.target(field.target) if field.target else None
    return target if target and policies.has_any_grant(target, actor) else None


def _options(field: FieldType) -> Json:
    options = field.constraints | {name: getattr(field, name) for name in field.presentation}
    return {name: value for name, value in options.items() if value is not None}


def _field(
    actor: Actor,
    name: str,
    field: FieldType,
    *,
    writable: Sequence[str] = (),
    is_readable: bool = True,
    is_queryable: bool = False,
    target: Resource | None = None,
) -> Json:
    return {
        "name": name,
        "type": field.name,
        "description": field.description,
        "required": field.required,
        "nullable": field.is_nullable,
        "default": field.default if "create" in writable else None,
        "unique": field.unique,
        "computed": field.computed is not None,
        "system": name in SYSTEM_FIELDS,
        "to": target and target.name,
        "to_label": target and target.definition.label_for(policies.hidden_fields(target.definition, actor)),
        "options": _options(field),
        "readable": is_readable,
        "writable": writable,
        "sortable": is_queryable and field.sortable,
        "operators": field.filter_operators if is_queryable else (),
    }
