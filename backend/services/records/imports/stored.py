"""The stored records that the rows of a file change or conflict with, read for many rows at once."""

from typing import Any, NamedTuple

from backend.services.access.actors import Actor
from backend.services.definitions.catalog import Resource
from backend.services.definitions.field_sets import FieldSet
from backend.services.files.attachments import FileFacts, find_files
from backend.services.records.imports.earlier_rows import ID
from backend.services.records.imports.lookups import StoredRecord, find_for_change, find_taken
from backend.services.records.imports.unique_sets import Taken, UniqueSets
from backend.services.records.imports.values import Draft
from backend.services.records.upserts import OWNER, Key
from backend.services.storage.conditions import EVERY


class StoredRecords(NamedTuple):
    """What is stored about a batch of rows: the records that they change, and the holders of their unique values.

    `files` are those that the rows attach.
    """

    by_key: dict[Taken, StoredRecord]
    holders: dict[FieldSet, dict[Taken, str]]  # {set: {values: id}}
    files: dict[str, FileFacts]  # by id

    def find(self, values: Taken | None) -> StoredRecord | None:
        """Return the record that has these values of the key, or None."""
        return None if values is None else self.by_key.get(values)


def find_stored(
    actor: Actor,
    resource: Resource,
    sets: UniqueSets,
    key: Key | None,
    drafts: list[Draft],
    defaults: dict[str, Any],
) -> StoredRecords:
    """Return what is stored about the drafts; `key` has the fields that identify the records to change, or is None.

    `defaults` has a value for each field of a new record.
    """
    names = tuple(sorted(sets.fields - {"id"}))
    defaults = {name: defaults.get(name) for name in names} | {"id": None, "created_by": actor.user_id}
    keys = {values for draft in drafts if (values := key_of(actor, resource, key, draft)) is not None}
    by_key = find_for_change(actor, resource, key, keys, names) if key is not None else {}
    found = StoredRecords(by_key, {}, _find_files(resource, drafts))
    rows = [
        _unique_columns(actor, resource, draft, found.find(key_of(actor, resource, key, draft)), defaults)
        for draft in drafts
    ]
    wanted = {
        each: {values for row in rows if None not in (values := sets.taken(each, row))} for each in (*sets.rules, ID)
    }
    holders = {
        each: find_taken(resource, each.fields, sets.rules.get(each, EVERY), tuples) for each, tuples in wanted.items()
    }
    return found._replace(holders=holders)


def _find_files(resource: Resource, drafts: list[Draft]) -> dict[str, FileFacts]:
    names = resource.definition.files
    ids = {file_id for draft in drafts for name in names if (file_id := draft.values.get(name))}
    return find_files(ids) if ids else {}


def key_of(actor: Actor, resource: Resource, key: Key | None, draft: Draft) -> Taken | None:
    """Return what the row's values of the key are compared by; None if it has none, or if one is missing."""
    if key is None:
        return None
    given = draft.values | draft.system_values
    if OWNER in key and (given.get(OWNER) is None or not actor.is_admin):
        given[OWNER] = actor.user_id
    if any(given.get(name) is None for name in key):
        return None
    return tuple(resource.compared_value(name, given[name]) for name in key)


def _unique_columns(
    actor: Actor, resource: Resource, draft: Draft, found: StoredRecord | None, defaults: dict[str, Any]
) -> dict[str, Any]:
    """Return the columns that `defaults` has as the row would leave them in a record."""
    given = {name: value for name, value in draft.values.items() if name in defaults}
    if found:
        return found.values | dict.fromkeys(draft.empty_fields) | resource.to_columns(given)
    return resource.to_columns(defaults | (draft.system_values if actor.is_admin else {}) | given)
