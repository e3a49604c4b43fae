"""Upserts: change the record that has the values of a unique set, or create it."""

from collections.abc import Collection, Container, Mapping
from typing import Any, NamedTuple

from marshmallow import Schema, ValidationError
from peewee import Select

from backend.models.database import database
from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.definitions.definition import Definition
from backend.services.errors import Conflict, Invalid, PreconditionFailed, Unauthenticated
from backend.services.records.records import Record, create_record, update_record
from backend.services.records.schemas import data_schemas
from backend.services.storage.conditions import Condition, all_of, comparisons
from backend.utils.problems import Problem, problems_of

ATTEMPTS = 5  # while other requests create and delete the record
KEY_IS_NULL = Problem("required", "A value is required, because this field is the key.")
OWNER = "created_by"  # in a key it means the actor

Key = tuple[str, ...]  # the fields that identify a record


class Upserted(NamedTuple):
    """The result of an upsert: the id of the record, the Record, and whether it is new."""

    id: str
    record: Record
    is_new: bool


def upsert_keys(definition: Definition, barred: Collection[str] = ()) -> dict[str, Key]:
    """Return the map of text to Key, such as `country,code`, for the keys without a `barred` field."""
    usable = {OWNER, *definition.fields} - {*barred}
    return {",".join(key): key for key in definition.key_sets() if usable.issuperset(key)}


def upsert_record(
    actor: Actor, resource: Resource, key: str, body: Mapping[str, Any], if_match: Container[str] | None = None
) -> Upserted:
    """Change the record that has the values of the key in `body` as update_record does; if there is none, create it.

    `key` is a text of upsert_keys. `body` is not validated yet: a new record needs all required fields, a change does
    not. A record that the actor may not read and change is not found, so creating it fails with the Conflict that
    create_record raises.

    With `if_match` no record is created: PreconditionFailed is raised. Otherwise raises what create_record and
    update_record raise, and Invalid if there is no such key or one of its fields is null.
    """
    for action in ("create", "update"):
        policies.authorize(resource, action, actor)
    schemas = data_schemas(actor, resource)
    changes = _load(schemas.patch, body)
    identity = _identity(actor, _read_key(actor, resource, key), changes)
    with database.atomic():
        resource.hold_definition()
        attempts_left = ATTEMPTS
        while True:
            if record_id := _find(actor, resource, identity):
                changed = update_record(actor, resource, record_id, changes, if_match)
                return Upserted(record_id, changed, is_new=False)
            if if_match is not None:
                raise PreconditionFailed()
            try:
                return Upserted(*create_record(actor, resource, _load(schemas.create, body)), is_new=True)
            except Conflict:  # on Postgres, another request may have created it since it was looked for
                attempts_left -= 1
                if not attempts_left:
                    raise


def _read_key(actor: Actor, resource: Resource, text: str) -> Key:
    definition = resource.definition
    barred = policies.hidden_fields(definition, actor) | policies.locked_fields(definition, actor)
    keys = upsert_keys(definition, barred)
    if text not in keys:
        text = f"Must be one of: {'; '.join(keys)}." if keys else "This resource has no unique field."
        raise Invalid([Problem("not_a_choice", text, choices=list(keys))], "key")
    return keys[text]


def _load(schema: Schema, body: Mapping[str, Any]) -> dict[str, Any]:
    try:
        data: dict[str, Any] = schema.load(body)
    except ValidationError as error:
        raise Invalid(problems_of(error)) from error
    return data


def _identity(actor: Actor, key: Key, changes: Mapping[str, Any]) -> Condition:
    """Return the condition of being the record that has these values of the key."""
    values = {name: actor.user_id if name == OWNER else changes.get(name) for name in key}
    if OWNER in key and actor.user_id is None:
        raise Unauthenticated()
    if missing := [name for name, value in values.items() if value is None]:
        raise Invalid({name: [KEY_IS_NULL] for name in missing})
    return comparisons((name, "eq", value) for name, value in values.items())


def _find(actor: Actor, resource: Resource, identity: Condition) -> str | None:
    """Return the id of the record, and lock it; None if there is none that the actor may read and change."""
    conditions = identity, *(policies.scope(resource, action, actor).condition for action in ("read", "update"))
    wanted = all_of(conditions)
    rows = resource.run(_select_id_query, wanted.shape, values=wanted.values(resource, "wanted"))
    return str(rows[0][0]) if rows else None


def _select_id_query(resource: Resource, wanted: Condition) -> Select:
    condition = wanted.sql(resource, "wanted")
    return database.lock_for_update(resource.model.select(resource.column("id")).where(condition))
