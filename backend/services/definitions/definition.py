"""The Definition of a resource, with its fields, indexes, grants and options."""

import dataclasses
from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import Any, ClassVar

from peewee import ColumnBase

from backend.models.database import Dialect
from backend.models.records import Constraint, constraint_name
from backend.services.definitions.computed.compiling import Computation, compile_field, fits
from backend.services.definitions.computed.tree import names_in, parse
from backend.services.definitions.field_sets import Entry, FieldSet
from backend.services.definitions.grants import NO_GRANTS, Grant, Grants, granted_roles, read_grants
from backend.services.definitions.record_checks import read_check
from backend.services.definitions.schema import ACTIONS
from backend.services.field_types.base import MAX_INDEX_BYTES, FieldType
from backend.services.field_types.datetime import DateTime
from backend.services.field_types.file import FILTERED, File, files_of
from backend.services.field_types.integer import Integer
from backend.services.field_types.reference import Reference, references_of
from backend.services.field_types.references import References, links_of, referring_fields
from backend.services.field_types.uuid import Uuid
from backend.services.storage.conditions import Condition
from backend.services.storage.literals import literal_sql, quoted

USUAL_LABELS = ("name", "title", "label", "email")  # the first of these is the label if none is declared
SYSTEM_FIELDS: Mapping[str, FieldType] = {
    "id": Uuid(required=True, description="UUIDv7; grows with time"),
    "created_at": DateTime(required=True),
    "updated_at": DateTime(required=True),
    "created_by": Uuid(description="Id of the user who created the record; null when nobody was signed in"),
    "version": Integer(required=True, description="Grows by one with every change"),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Definition:
    """The declaration of a resource.

    For example:

        books:
          fields:
            title: {type: string, required: true}
            author: {type: reference, to: authors}
          search: [title]
          access: {list: [public], create: [member], update: [owner]}

    is `Definition(name="books", fields={"title": String(required=True), "author": Reference(to="authors")},
    search=["title"], access={"list": ["public"], "create": ["member"], "update": ["owner"]})`.
    """

    name: str
    fields: dict[str, FieldType]
    description: str = ""
    label: str | None = None
    indexes: list[Entry] = dataclasses.field(default_factory=list)
    unique: list[Entry] = dataclasses.field(default_factory=list)
    search: list[str] = dataclasses.field(default_factory=list)
    filters: list[str] = dataclasses.field(default_factory=list)
    access: dict[str, list[Grant]] = dataclasses.field(default_factory=dict)
    checks: dict[str, Any] = dataclasses.field(default_factory=dict)
    on_owner_delete: str = "set_null"
    require_if_match: bool = False
    history: bool = False
    feed: bool = False
    cache_seconds: int | None = None
    renamed_from: list[str] | None = None
    version: int = dataclasses.field(default=1, compare=False)  # of the stored definition; not part of the declaration

    limits_admins: ClassVar[bool] = False  # the grants and hidden fields apply to admins, too
    reference_action: ClassVar[str] = "read"  # who may do this with a record may refer to it
    lookup_permissions: ClassVar[Mapping[str, str]] = {}  # by hidden field: who has it may find records by the field

    @property
    def former_names(self) -> list[str]:
        """The former names of the resource, the latest first."""
        return self.renamed_from or []

    @cached_property
    def all_fields(self) -> dict[str, FieldType]:
        """Map of name to field, with the system fields, in the order of responses."""
        return {"id": SYSTEM_FIELDS["id"], **self.fields, **{k: v for k, v in SYSTEM_FIELDS.items() if k != "id"}}

    @cached_property
    def references(self) -> dict[str, Reference]:
        """Map of name to field, for the fields that refer to records."""
        return references_of(self.fields)

    @cached_property
    def links(self) -> dict[str, References]:
        """Map of name to field, for the fields that hold the ids of several records, in a junction table."""
        return links_of(self.fields)

    @cached_property
    def referring(self) -> dict[str, Reference | References]:
        """Map of name to field, for the fields that hold the ids of records, one or several."""
        return referring_fields(self.fields)

    @cached_property
    def files(self) -> dict[str, File]:
        """Map of name to field, for the fields that have uploaded files."""
        return files_of(self.fields)

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """The paths that lists can be filtered, sorted and grouped by: the `filters`, and parts of files."""
        of_files = [f"{name}.{part}" for name in self.files for part in FILTERED]
        return tuple(dict.fromkeys([*self.filters, *of_files]))

    @cached_property
    def columns(self) -> dict[str, FieldType]:
        """Map of name to field, with the system fields, for the fields that are columns of the table."""
        return {name: field for name, field in self.all_fields.items() if field.has_column}

    @cached_property
    def computed_fields(self) -> dict[str, FieldType]:
        """Map of name to field, for the fields that the database computes."""
        return {name: field for name, field in self.fields.items() if field.computed is not None}

    @cached_property
    def inserted_fields(self) -> tuple[str, ...]:
        """The names of the fields that an insert sets: all columns but the computed ones."""
        return tuple(name for name in self.columns if name not in self.computed_fields)

    @cached_property
    def inputs(self) -> dict[str, set[str]]:
        """Map of computed field to the names of the fields that it is computed from."""
        return {name: names_in(parse(field.computed or "")) for name, field in self.computed_fields.items()}

    def with_computed(self, names: Collection[str]) -> set[str]:
        """Return the names, and those of the computed fields that change with one of these fields."""
        return {*names, *(name for name, inputs in self.inputs.items() if not inputs.isdisjoint(names))}

    def computation(self, name: str, column_of: Callable[[str], ColumnBase], database: Dialect) -> Computation:
        """Return the SQL of a computed field, from the SQL of the fields that it is computed from."""
        return compile_field(self.fields[name], self.all_fields, column_of, database)

    def generated(self, database: Dialect) -> dict[str, ColumnBase]:
        """Return the map of name to SQL of the stored values of computed fields, for the definition of the table."""
        return {name: self.computation(name, quoted, database).stored for name in self.computed_fields}

    @cached_property
    def conditions(self) -> dict[str, Condition]:
        """Map of name to Condition, of the `checks`."""
        return {name: read_check(where, self.all_fields) for name, where in self.checks.items()}

    def constraints(self, database: Dialect) -> list[Constraint]:
        """Return the constraints of the table: of the `checks`, and that values fit their computed fields.

        A value that does not fit a field with `readable_by` is null: a refusal would say something about it.
        """
        checks = [
            Constraint(
                constraint_name("check", name),
                literal_sql(condition, self.all_fields),
                condition.own_fields,
            )
            for name, condition in self.conditions.items()
        ]
        return checks + [
            Constraint(
                constraint_name("fits", name),
                fits(quoted(name), self.computation(name, quoted, database)),
                frozenset({name}),
            )
            for name, field in self.computed_fields.items()
            if field.readable_by is None
        ]

    def grants(self, action: str) -> Grants:
        """Return the Grants of one of ACTIONS; if there are none, only admins may perform it."""
        return self._grants.get(action, NO_GRANTS)

    @cached_property
    def _grants(self) -> dict[str, Grants]:
        return {action: read_grants(grants) for action, grants in self.access.items()}

    def label_for(self, hidden: Collection[str] = ()) -> str | None:
        """Return the name of the field that is shown for a record to those from whom these fields are hidden.

        It is the declared label, else one of USUAL_LABELS, else the first unique text, else the first text; None if
        there is no text, so that only the id can be shown.
        """
        texts = {name: field for name, field in self.fields.items() if field.searchable and name not in hidden}
        unique = [name for name, field in texts.items() if field.unique]
        candidates = [self.label, *USUAL_LABELS, *unique, *texts]
        return next((name for name in candidates if name in texts), None)

    @cached_property
    def ruled_fields(self) -> dict[str, FieldType]:
        """Map of name to field, for the fields that only some roles may read or write."""
        return {name: field for name, field in self.fields.items() if field.writers is not None}

    @cached_property
    def sequences(self) -> dict[str, int]:
        """Map of name to first number, for the fields in which the database counts the records."""
        numbers = {name: field.first_number for name, field in self.fields.items()}
        return {name: number for name, number in numbers.items() if number is not None}

    @cached_property
    def unsettable_fields(self) -> frozenset[str]:
        """The names of the fields that no request can set."""
        return frozenset(name for name, field in self.fields.items() if not field.is_settable)

    def named_roles(self) -> set[str]:
        """Return the names of all roles in the grants and in the `readable_by` and `writable_by` of fields."""
        granted = [granted_roles(grants) for grants in self.access.values()]
        ruled = [[*(field.readable_by or ()), *(field.writers or ())] for field in self.ruled_fields.values()]
        return set().union(*granted, *ruled)

    @cached_property
    def lists(self) -> set[str]:
        """The names of the fields whose values are lists: an index of one has no order."""
        return {name for name, field in self.fields.items() if field.holds_items}

    def unique_sets(self) -> list[FieldSet]:
        """Return every set of fields whose values together must be unique."""
        single = [FieldSet((name,)) for name, field in self.fields.items() if field.unique]
        return [*single, *map(FieldSet.read, self.unique)]

    def key_sets(self) -> list[tuple[str, ...]]:
        """Return the fields of every unique set without a rule: their values identify a record."""
        return [each.fields for each in self.unique_sets() if not each.rule]

    def index_sets(self) -> list[FieldSet]:
        """Return every set of fields that has an index that is not unique."""
        single = [FieldSet((name,)) for name, field in self.fields.items() if field.index and not field.unique]
        # Deleting a record looks up the records that refer to it. Without an index that reads the whole table.
        references = [FieldSet((name,)) for name, field in self.references.items() if not field.index]
        return [*single, *references, *map(FieldSet.read, self.indexes)]

    @cached_property
    def index_byte_limits(self) -> dict[str, int]:
        """Map of text field to the maximum number of bytes of its values, for the text fields in an index.

        An index entry has at most 2,704 bytes on Postgres, and its texts share the bytes that other columns leave.
        """
        limits: dict[str, int] = {}
        for field_set in {*self.unique_sets(), *self.index_sets()}:
            texts = [name for name in field_set.fields if self.all_fields[name].may_outgrow_index]
            for name in texts:
                limits[name] = min(limits.get(name, MAX_INDEX_BYTES), MAX_INDEX_BYTES // len(texts))
        return limits

    def implied_sets(self) -> list[FieldSet]:
        """Return the sets of fields that have an index without being declared.

        These indexes serve lists sorted by system fields or by a unique field that may be null, lists for users who
        may see only their own records, and the foreign keys of files.
        """
        optional = [name for name, field in self.fields.items() if field.unique and not field.required]
        implied = [FieldSet((name,)) for name in ("created_at", "updated_at", *optional)]
        if any(self.grants(action).to_owner for action in ACTIONS):
            implied.append(FieldSet(("created_by",)))
        if self.grants("list").to_owner:
            single = [FieldSet((name,)) for name, field in self.fields.items() if field.unique]
            own = [*(each for each in self.index_sets() if self.lists.isdisjoint(each.fields)), *implied, *single]
            implied += [each.with_first("created_by") for each in own if "created_by" not in each.fields]
        # The foreign key: when a file is deleted for good, the database looks for a row that has it.
        return implied + [FieldSet((name,)) for name in self.files]

    def to_dict(self) -> dict[str, Any]:
        """Return the definition as it is stored and exported: without its name and without empty parts."""
        body = {
            "description": self.description,
            "label": self.label,
            "fields": {name: field.to_dict() for name, field in self.fields.items()},
        }
        lists = {"indexes": self.indexes, "unique": self.unique, "search": self.search}
        lists |= {"filters": self.filters, "access": self.access, "checks": self.checks}
        owner = {} if self.on_owner_delete == "set_null" else {"on_owner_delete": self.on_owner_delete}
        options = {"require_if_match": self.require_if_match, "history": self.history, "feed": self.feed}
        rest = owner | options | {"cache_seconds": self.cache_seconds, "renamed_from": self.renamed_from}
        return {name: value for name, value in (body | lists | rest).items() if value or name == "fields"}
