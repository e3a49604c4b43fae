"""References between records: that the target is there, for who refers to it."""

from backend.services.definitions import policies
from backend.services.errors import Invalid
from backend.services.storage.conditions import scope_values
from backend.services.storage.statements import slot


def require_visible_references(actor, resource, data):
    """Raise Invalid unless every record that `data` refers to exists and may be read by the actor."""
    problems = {}
    for name, kind in resource.definition.references.items():
        if data.get(name) is not None and find_visible(actor, resource.catalog[kind.to], "id", data[name]) is None:
            problems[name] = [f"There is no such record of {kind.to}."]
    if problems:
        raise Invalid(problems)


def find_visible(actor, resource, field, value):
    """Return the id, as text, of a record whose `field` is `value`, if the actor may read it; else None."""
    allowed = policies.scope(resource.definition, "read", actor)
    if not allowed or field in policies.hidden_fields(resource.definition, actor):
        return None
    values = {"value": resource.column(field).db_value(value)} | scope_values(resource, allowed)
    rows = resource.run(_select_id, field, allowed.shape, values=values)
    return str(rows[0][0]) if rows else None


def _select_id(resource, field, shape):
    condition = resource.scoped(resource.column(field) == slot("value"), shape)
    return resource.model.select(resource.column("id")).where(condition)
