"""The stored records that the rows of a file change or conflict with, read for many rows at once."""

from typing import Any, NamedTuple

from backend.services.access.actors import Actor
from backend.services.definitions.catalog import Resource
from backend.services.records.imports.earlier_rows import ID, Names
from backend.services.records.imports.lookups import StoredRecord, find_for_change, find_taken
from backend.services.records.imports.values import Draft


class StoredRecords(NamedTuple):
    """What is stored about a batch of rows: the records that they change, and the holders of their unique values."""

    by_key: dict[Any, StoredRecord]
    holders: dict[Names, dict[tuple[Any, ...], str]]  # {columns: {values: id}}


def find_stored(
    actor: Actor, resource: Resource, key: str | None, drafts: list[Draft], defaults: dict[str, Any]
) -> StoredRecords:
    """Return what is stored about the drafts; `key` is the field that identifies the records to change, or None.

    `defaults` has a value for each field of a new record.
    """
    names = _unique_names(resource)
    defaults = {name: defaults.get(name) for name in names} | {"id": None, "created_by": actor.user_id}
    keys = {value for draft in drafts if (value := key_of(resource, key, draft)) is not None}
    by_key = find_for_change(actor, resource, key, keys, names) if key is not None else {}
    rows = [
        _unique_columns(actor, resource, draft, by_key.get(key_of(resource, key, draft)), defaults) for draft in drafts
    ]
    sets = (*(each.fields for each in resource.definition.unique_sets()), ID)
    taken = {names: find_taken(resource, names, _tuples(resource, rows, names)) for names in sets}
    return StoredRecords(by_key, taken)


def key_of(resource: Resource, key: str | None, draft: Draft) -> Any:
    """Return what the row's value of the key is compared by; None if it has none."""
    if key is None:
        return None
    value = (draft.values | draft.system_values).get(key)
    return None if value is None else resource.compared_value(key, value)


def _unique_names(resource: Resource) -> tuple[str, ...]:
    return tuple(sorted({name for each in resource.definition.unique_sets() for name in each.fields} - {"id"}))


def _unique_columns(
    actor: Actor, resource: Resource, draft: Draft, found: StoredRecord | None, defaults: dict[str, Any]
) -> dict[str, Any]:
    """Return the columns that `defaults` has as the row would leave them in a record."""
    given = {name: value for name, value in draft.values.items() if name in defaults}
    if found:
        return found.values | dict.fromkeys(draft.empty_fields) | resource.to_columns(given)
    return resource.to_columns(defaults | (draft.system_values if actor.is_admin else {}) | given)


def _tuples(resource: Resource, rows: list[dict[str, Any]], names: Names) -> set[tuple[Any, ...]]:
    """Return the tuples of values in the columns `names`, without tuples that contain None."""
    return {values for row in rows if None not in (values := values_of(resource, row, names))}


def values_of(resource: Resource, row: dict[str, Any], names: Names) -> tuple[Any, ...]:
    """Return what the values of a row in the columns `names` are compared by; None where it has none."""
    return tuple(resource.fields[name].compared_value(row.get(name)) for name in names)
