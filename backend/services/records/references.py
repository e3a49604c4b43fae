"""References between records: the target must exist and be visible to the actor who refers to it."""

from collections.abc import Mapping
from typing import Any

from peewee import Select

from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.errors import Invalid
from backend.services.storage.conditions import ScopeShape, scope_values
from backend.services.storage.statements import slot


def require_visible_references(actor: Actor, resource: Resource, data: Mapping[str, Any]) -> None:
    """Raise Invalid unless every record that `data` refers to exists and may be read by the actor."""
    problems = {}
    for name, field in resource.definition.references.items():
        if data.get(name) is not None and find_visible(actor, resource.catalog[field.to], "id", data[name]) is None:
            problems[name] = [f"There is no such record of {field.to}."]
    if problems:
        raise Invalid(problems)


def find_visible(actor: Actor, resource: Resource, field: str, value: Any) -> str | None:
    """Return the id of a record whose `field` is `value`, if the actor may read it; else None."""
    allowed = policies.scope(resource.definition, "read", actor)
    if not allowed or field in policies.hidden_fields(resource.definition, actor):
        return None
    values = {"value": resource.column(field).db_value(value)} | scope_values(resource, allowed.alternatives)
    rows = resource.run(_select_id, field, allowed.shape, values=values)
    return str(rows[0][0]) if rows else None


def _select_id(resource: Resource, field: str, scope: ScopeShape) -> Select:
    condition = resource.scoped(resource.column(field) == slot("value"), scope)
    return resource.model.select(resource.column("id")).where(condition)
