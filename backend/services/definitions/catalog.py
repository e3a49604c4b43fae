"""The resources that are in force: each definition with its model and its statements."""

import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple, NoReturn

from itsdangerous import URLSafeSerializer
from peewee import Cast, ColumnBase

from backend.models.columns import Column
from backend.models.database import connected, database
from backend.models.definition import Generation, StoredDefinition
from backend.models.records import build_model, column
from backend.models.role import Role
from backend.services.definitions.definition import Definition
from backend.services.definitions.parsing import read_definition
from backend.services.definitions.system_tables import make_system_tables
from backend.services.errors import Invalid, NotFound, Unavailable
from backend.services.field_types.base import FieldType
from backend.services.storage.conditions import ScopeShape, within
from backend.services.storage.listable import Listable, Names

Stored = tuple[int, str]  # the version of a definition and its JSON text


class Tie(NamedTuple):
    """A reference to a resource, and whether the resource that refers has fields that not everybody may see."""

    resource: str
    field: str
    has_ruled_fields: bool


class Resource(Listable):
    """A definition in use, with its model and its statements.

    The next Catalog takes it over unless its definition, as it is `stored`, or its `ties` to the resources that refer
    to it have changed.
    """

    fields: Mapping[str, FieldType]
    catalog: "Catalog"

    def __init__(
        self, definition: Definition, stored: Stored, ties: Sequence[Tie], cursor_serializer: URLSafeSerializer
    ) -> None:
        super().__init__(
            definition.name,
            definition.all_fields,
            build_model(definition, database.obj),
            cursor_serializer,
            search=definition.search,
            keeps_history=definition.history,
        )
        self.definition, self.stored, self.ties = definition, stored, ties
        # By the fields that an actor may not see and not set: services/records/schemas.py fills it.
        self.data_schemas: dict[tuple[frozenset[str], frozenset[str]], Any] = {}
        self.interface: Any = None  # serves it over HTTP; routes/toolkit/app.py creates it at the first request
        self.lock = threading.Lock()

    @property
    def referrers(self) -> list[tuple["Resource", str]]:
        """The (resource, field name) pairs that refer to this resource."""
        return self.catalog.referrers[self.name]

    def hold(self) -> None:
        """Keep the definition as it is until the transaction ends.

        Raises Unavailable if it differs from the one that this request was read by: its values might mean something
        else.
        """
        database.share_definitions()
        self.require_in_force(Generation.current())

    def require_in_force(self, generation: int) -> None:
        """Raise Unavailable if the definition is a different one in this generation."""
        if generation != self.catalog.generation:
            newest = self.catalog.source.after(self.catalog, generation)
            if newest.get(self.name) is not self:
                raise Unavailable("The definition has just changed; send the request again.")

    def column(self, name: str) -> Column[Any]:
        """Return the model's column of a field."""
        return column(self.model, name)

    def scoped(self, condition: ColumnBase, scope: ScopeShape) -> ColumnBase:
        """Return the condition, narrowed to the rows within a Scope of this shape."""
        return condition if scope is None else condition & within(self, scope)

    def visible(self, hidden: frozenset[str]) -> Names:
        """Return the names of the fields beside those `hidden`; None when that is all of them."""
        return tuple(name for name in self.fields if name not in hidden) if hidden else None

    def require_indexable(self, data: Mapping[str, Any]) -> None:
        """Raise Invalid for a text that is too long for an index its field is in."""
        limits, problems = self.definition.index_byte_limits, {}
        for name, most in limits.items():
            if isinstance(text := data.get(name), str) and len(text.encode()) > most:
                problems[name] = [f"At most {most:,} bytes, because the field is in an index."]
        if problems:
            raise Invalid(problems)

    def to_columns(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return {field: value} with the values as the database takes them."""
        convert = self._converters
        return {name: convert[name](value) for name, value in data.items()}

    @cached_property
    def _converters(self) -> dict[str, Callable[[Any], Any]]:
        return {name: self.column(name).db_value for name in self.fields}

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """What a new record has, by field, where nothing is given."""
        fields = self.definition.fields
        given = {name: field for name, field in fields.items() if field.default is not None}
        return dict.fromkeys(fields) | {name: field.wire().deserialize(field.default) for name, field in given.items()}


class Catalog(dict[str, Resource]):
    """Every Resource by name, the Listables of the system, and the generation of their definitions.

    `definitions` holds (Definition, Stored) by name. `former` is the Catalog before: this one takes over
    its resources that have not changed, so running requests notice nothing. `generation` is None before the first
    migration.
    """

    def __init__(
        self,
        definitions: Mapping[str, tuple[Definition, Stored]],
        generation: int | None,
        source: "Catalogs",
        former: "Catalog | None" = None,
    ) -> None:
        super().__init__()
        self.generation, self.source = generation, source
        ties = _ties(definition for definition, _ in definitions.values())
        for name, (definition, stored) in definitions.items():
            kept = former.get(name) if former else None
            if kept is None or (kept.stored, kept.ties) != (stored, ties[name]):
                kept = Resource(definition, stored, ties[name], source.cursor_serializer)
            self[name] = kept
        self.referrers = {name: [(self[tie.resource], tie.field) for tie in tied] for name, tied in ties.items()}
        self.system: dict[str, Listable] = former.system if former else make_system_tables(source.cursor_serializer)
        for resource in self.values():  # last, when everything is there
            resource.catalog = self

    def __missing__(self, name: str) -> NoReturn:
        raise NotFound(f"There is no resource {name}.")


def _ties(definitions: Iterable[Definition]) -> dict[str, list[Tie]]:
    """Return the Ties to each resource by name."""
    by_name = {definition.name: definition for definition in definitions}
    ties: dict[str, list[Tie]] = {name: [] for name in by_name}
    for name, definition in by_name.items():
        for reference, field in definition.references.items():
            if field.to in ties:
                ties[field.to].append(Tie(name, reference, bool(definition.ruled_fields)))
    return ties


class Catalogs:
    """The newest Catalog of this process, and how it is replaced when definitions have changed."""

    def __init__(self, secret_keys: Sequence[str]) -> None:
        # It takes the key that signs at the end.
        self.cursor_serializer = URLSafeSerializer(list(secret_keys[::-1]), salt="cursor")
        self._lock = threading.Lock()
        self.newest = self._load(None)

    def after(self, stale: Catalog, generation: int) -> Catalog:
        """Return the Catalog that is in force in place of `stale`: the newest, read again unless that was just done."""
        with self._lock:
            # A restored backup may have an older generation, so any other than the stale one's counts.
            if self.newest is stale or (self.newest.generation or 0) < generation:
                self.newest = self._load(stale)
            return self.newest

    def _load(self, former: Catalog | None) -> Catalog:
        with connected():
            if not database.table_exists(Generation):
                return Catalog({}, None, self)  # before the first migration
            # Read before the definitions: should they change in between, the next request sees a newer generation.
            generation = Generation.current()
            return Catalog(_read_definitions(former), generation, self, former)


def _read_definitions(former: Catalog | None) -> dict[str, tuple[Definition, Stored]]:
    """Return (Definition, Stored) by name; those that `former` has already are not parsed again."""
    columns = (StoredDefinition.name, StoredDefinition.version, Cast(StoredDefinition.body, "TEXT"))
    rows = database.execute(StoredDefinition.select(*columns).order_by(StoredDefinition.name)).fetchall()
    found = {}
    for name, version, body in rows:
        known, stored = former.get(name) if former else None, (version, body)
        if known is not None and known.stored == stored:
            found[name] = known.definition, stored
        else:
            found[name] = read_definition({"name": name, **json.loads(body)}, version), stored
    return found


def load_definitions() -> dict[str, Definition]:
    """Return every stored Definition by name."""
    rows = StoredDefinition.select().order_by(StoredDefinition.name)
    return {row.name: read_definition({"name": row.name, **row.body}, row.version) for row in rows}


def role_names() -> list[str]:
    """Return the names of all roles."""
    return [role.name for role in Role.select(Role.name).order_by(Role.name)]
