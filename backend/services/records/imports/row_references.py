"""References of rows to records that other rows create, or to which the changed record refers already."""

from marshmallow import ValidationError

from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.definitions.field_sets import FieldSet
from backend.services.records.future_rows import meets
from backend.services.records.imports.earlier_rows import EarlierRows, RecordState
from backend.services.records.imports.stored import StoredRecords, key_of
from backend.services.records.imports.targets import explain_missing, target_name, with_ids
from backend.services.records.imports.values import Draft, Reference
from backend.services.records.imports.waiting_rows import LaterRow, Wanted
from backend.services.records.link_writes import has_link
from backend.services.records.references import has_value
from backend.services.records.upserts import Key


class RowReferences:
    """Finds the records to which rows refer and which are not stored, or not visible to the actor."""

    def __init__(self, actor: Actor, resource: Resource, key: Key | None, earlier: EarlierRows) -> None:
        self._actor, self._resource, self._key, self._earlier = actor, resource, key, earlier

    def resolve(self, draft: Draft, stored: StoredRecords) -> Draft:
        """Return the draft with its remaining references replaced by ids.

        They are those of records that earlier rows create, or that the record refers to already. Raises LaterRow if a
        later row may create it, ValidationError if there is no such record.
        """
        found = []
        for reference in draft.references:
            record_id = self._created_target(reference) or self._kept_target(draft, reference, stored)
            if record_id is None:
                raise self._missing(reference)
            found.append((reference, record_id))
        return with_ids(draft, found, []) if found else draft

    def _missing(self, reference: Reference) -> LaterRow | ValidationError:
        column, key, _ = reference
        if target_name(self._resource, column) != self._resource.name:
            return ValidationError(explain_missing(self._resource, column, key))
        value = self._resource.compared_value(column.target_field, key)
        return LaterRow(Wanted((column.target_field,), (value,)), reference)

    def _created_target(self, reference: Reference) -> str | None:
        """Return the id of the record that an earlier row creates, if the actor may read it."""
        column, key, _ = reference
        if target_name(self._resource, column) != self._resource.name:
            return None
        value = self._resource.compared_value(column.target_field, key)
        record_id = self._earlier.holder(FieldSet((column.target_field,)), (value,))
        readable = policies.scope(self._resource, "read", self._actor)
        return record_id if record_id is not None and self.is_within(readable, record_id) else None

    def _kept_target(self, draft: Draft, reference: Reference, stored: StoredRecords) -> str | None:
        """Return the id if the stored record that the row changes refers to it already."""
        column, key, place = reference
        found = stored.find(key_of(self._actor, self._resource, self._key, draft))
        if found is None or column.target_field != "id":
            return None
        has = has_value if place is None else has_link
        return key if has(self._actor, self._resource, found.id, column.field, key) else None

    def is_within(self, scope: policies.Scope, record_id: str) -> bool:
        """Return whether a record, as the rows so far leave it, is within the scope."""
        state = self._earlier.get(record_id) or RecordState({}, 0, is_new=False)
        known_id = None if state.is_new else record_id
        return scope.everything or meets(self._resource, scope.condition, state.columns, known_id)
