"""References to records and users: the target must exist and be visible to the actor who refers to it."""

from collections.abc import Mapping
from typing import Any

from peewee import Expression, Select

from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.errors import Invalid
from backend.services.storage.conditions import Condition
from backend.services.storage.statements import slot
from backend.utils.problems import Problem


def require_visible_references(
    actor: Actor, resource: Resource, data: Mapping[str, Any], record_id: str | None = None
) -> None:
    """Raise Invalid unless everything that `data` refers to exists and the actor may refer to it.

    A record that exists keeps its values, even if the actor may no longer refer to them.
    """
    problems = {}
    for name, field in resource.definition.references.items():
        value = data.get(name)
        if value is None or find_visible(actor, resource.catalog.target(field.to), "id", value) is not None:
            continue
        if record_id is None or not has_value(actor, resource, record_id, name, value):
            problems[name] = [no_such_record(field.to)]
    if problems:
        raise Invalid(problems)


def no_such_record(target: str) -> Problem:
    """Return the problem of an id of a record of `target` that does not exist, or that the actor may not refer to."""
    return Problem("not_found", f"There is no such record of {target}.")


def has_value(actor: Actor, resource: Resource, record_id: str, name: str, value: Any) -> bool:
    """Return whether a record has this value of a field; False if the field is hidden, because that would show it."""
    if name in policies.hidden_fields(resource.definition, actor):
        return False
    return bool(resource.run(_select_with_value, name, values={"id": record_id, "value": value}))


def _select_with_value(resource: Resource, name: str) -> Select:
    key = resource.column("id")
    return resource.model.select(key).where(key == slot("id"), resource.column(name) == slot("value"))


def find_visible(actor: Actor, resource: Resource, field: str, value: Any) -> str | None:
    """Return the id of a record whose `field` is `value`, if the actor may refer to it; else None."""
    allowed = policies.scope(resource, resource.definition.reference_action, actor)
    if not allowed or field in policies.hidden_fields(resource.definition, actor):
        return None
    values = {"value": resource.compared_value(field, value)} | allowed.values(resource)
    rows = resource.run(_select_id, field, allowed.shape, values=values)
    return str(rows[0][0]) if rows else None


def _select_id(resource: Resource, field: str, scope: Condition) -> Select:
    condition = resource.scoped(Expression(resource.compared(field), "=", slot("value")), scope)
    return resource.model.select(resource.column("id")).where(condition)
