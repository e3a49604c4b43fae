"""The values that a new record has where a request gives none."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError

from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.errors import Invalid
from backend.services.field_types.varying import NOW, USER, USER_ID
from backend.services.records.references import find_visible
from backend.utils.problems import Problem


def defaults_of(actor: Actor, resource: Resource, now: str) -> dict[str, Any]:
    """Return the default of each field in a record that the actor creates `now`, as RFC 3339 text; None for no value.

    A default such as `$user.team` is None if the actor has no such value, or none that the field allows.
    """
    varying = resource.varying_defaults
    return resource.defaults | {name: _value(actor, resource, name, default, now) for name, default in varying.items()}


def _value(actor: Actor, resource: Resource, name: str, default: str, now: str) -> Any:
    field = resource.definition.fields[name]
    given = now[: field.length_of_now] if default == NOW else policies.user_value(actor, default.removeprefix(USER))
    try:
        value = None if given is None else field.json_field().deserialize(given)
    except ValidationError:
        return None
    reference = resource.definition.references.get(name)
    if value is None or reference is None or default == USER_ID:
        return value
    return find_visible(actor, resource.catalog.target(reference.to), "id", value)


def complete(actor: Actor, resource: Resource, data: Mapping[str, Any], now: str) -> dict[str, Any]:
    """Return `data` with the defaults of the fields that it leaves out.

    Raises Invalid if a required field has no value: a default such as `$user.team` may have none.
    """
    if not resource.varying_defaults:
        return {**resource.defaults, **data}
    completed = {**defaults_of(actor, resource, now), **data}
    fields = resource.definition.fields
    lacking = {name: default for name, default in resource.varying_defaults.items() if completed[name] is None}
    if problems := {name: [_missing(default)] for name, default in lacking.items() if fields[name].required}:
        raise Invalid(problems)
    return completed


def _missing(default: str) -> Problem:
    text = f"A value is required: the default, {default}, has no value for you that the field allows."
    return Problem("required", text)
