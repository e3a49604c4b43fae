"""The catalog: every resource in force, with its definition, its model and its SQL statements."""

import json
import threading
from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NoReturn, cast

from itsdangerous import URLSafeSerializer
from peewee import SQL, ColumnBase, fn

from backend.models.database import connected, database
from backend.models.definition import Generation
from backend.models.links import Links
from backend.models.user import User
from backend.services.definitions import people
from backend.services.definitions.definition import Definition
from backend.services.definitions.file_table import FILES, SOURCE
from backend.services.definitions.grants import OWNER_GRANT
from backend.services.definitions.incoming import IncomingReference, incoming_references
from backend.services.definitions.places import fields_of_paths
from backend.services.definitions.relations import Definitions, Hidden, nothing_hidden
from backend.services.definitions.row_rules import OWN_ROWS, RulePlace, read_rule
from backend.services.definitions.sources import Source, own_table
from backend.services.definitions.stored import Stored, permitted_roles, read_stored
from backend.services.definitions.system_tables import make_system_tables
from backend.services.definitions.writable import Writable
from backend.services.errors import NotFound, Unavailable
from backend.services.field_types.base import FieldType
from backend.services.field_types.file import TABLE
from backend.services.field_types.reference import USERS
from backend.services.storage.conditions import EVERY, Condition, all_of
from backend.services.storage.cursor_signing import CursorSerializer
from backend.services.storage.listable import Listable, Names, ShownLinks
from backend.services.storage.paths import Path, with_paths
from backend.services.storage.relations import Relation

NO_ROLES: frozenset[str] = frozenset()
SHOWN = "shown."  # how the names of slots begin that have the values of ShownLinks


class Resource(Writable):
    """A resource in force: its definition, its model and its SQL statements.

    `stored` is its definition as it is in the database, `path_fields` maps its `paths` to the fields at their ends.
    The next Catalog keeps a Resource if neither these nor its `incoming` references have changed.
    """

    catalog: "Catalog"

    def __init__(
        self,
        definition: Definition,
        stored: Stored,
        incoming: Sequence[IncomingReference],
        cursor_serializer: URLSafeSerializer,
        source: Source,
        path_fields: Mapping[str, FieldType],
    ) -> None:
        super().__init__(definition, source, cursor_serializer)
        self.stored, self.incoming, self.path_fields = stored, incoming, path_fields
        # Map of (hidden fields, locked fields) to schemas; services/records/schemas.py fills it.
        self.data_schemas: dict[tuple[frozenset[str], frozenset[str]], Any] = {}
        self.routes: Any = None  # its ResourceRoutes; routes/toolkit/app.py creates them at the first request
        self.lock = threading.Lock()

    @property
    def referrers(self) -> list[tuple["Resource", str]]:
        """The (resource, field name) pairs of the references to this resource."""
        return self.catalog.referrers[self.name]

    @property
    def linkers(self) -> list[tuple["Resource", str]]:
        """The (resource, field name) pairs of the lists of references to this resource."""
        return self.catalog.linkers[self.name]

    def target(self, field: str) -> "Resource":
        """Return the resource to which a field refers."""
        return self.catalog.target(self.definition.referring[field].to)

    def hold_definition(self) -> None:
        """Keep other transactions from changing the definition until this transaction ends.

        Raises Unavailable, at the latest at the next statement, if the values of the request fit an old definition.
        """
        database.share_definitions()
        Generation.check_current(self.require_in_force)

    def require_in_force(self, generation: int) -> None:
        """Raise Unavailable if the definition of this generation is a different one."""
        if generation == self.catalog.generation:
            return
        # On Postgres, the statement for this definition may have failed already: then no other definition can be read.
        if database.has_failed() or self.catalog.catalogs.after(self.catalog, generation).get(self.name) is not self:
            raise Unavailable("The definition has just changed; send the request again.")

    def permitted_roles(self, action: str) -> frozenset[str]:
        """Return the roles that may perform one of ACTIONS on all records, by the permissions for records."""
        return NO_ROLES if self.definition.limits_admins else self.catalog.permitted.get(action, NO_ROLES)

    def related(self, relation: Relation) -> Listable:
        """Return the resource to which a relation leads."""
        return self.catalog.target(relation.target)

    def with_paths(self, paths: Sequence[Path]) -> "Resource":
        """Return the resource with a field for each path, itself if there are none."""
        if not paths:
            return self
        joined = with_paths(self, paths)
        joined.catalog = self.catalog
        return joined

    def steps(self, hidden: Hidden = nothing_hidden) -> dict[str, Relation]:
        """Return what `relations` returns, with those to files, which only paths use."""
        return self.catalog.world.steps(self.definition, hidden)

    def relations(self, hidden: Hidden = nothing_hidden) -> dict[str, Relation]:
        """Return the map of name to Relation, without those by a field that `hidden` returns for a definition."""
        return self.catalog.world.relations(self.definition, hidden)

    def rules(self, action: str) -> tuple[tuple[str, Condition], ...]:
        """Return (role, condition) of the grants of an action for some rows; the conditions may hold UserValue."""
        return self.catalog.rules(self.definition, action)

    def shown_links(self, shown: ShownLinks) -> Links:
        """Return the Links of a field that are shown; the scope's values are in slots named after the field."""

        def is_shown(record_id: ColumnBase) -> ColumnBase:
            target = self.target(shown.field).aliased(is_one=True)
            within = shown.scope.sql(target, f"{SHOWN}{shown.field}")
            return fn.EXISTS(target.model.select(SQL("1")).where(target.column("id") == record_id, within))

        return self.links(shown.field).narrowed(is_shown)

    def links(self, name: str) -> Links:
        """Return all Links of a field that has no column."""
        return cast(Links, self.column(name))

    def scoped(self, condition: ColumnBase, scope: Condition) -> ColumnBase:
        """Return the condition limited to the rows within a Scope of this shape."""
        return condition if scope == EVERY else condition & scope.sql(self, "scope")

    def visible_fields_or_all(self, hidden: frozenset[str]) -> Names:
        """Return the names of the fields that are not `hidden`; None if that is all of them."""
        return tuple(name for name in self.fields if name not in hidden) if hidden else None


class Catalog(dict[str, Resource]):
    """Map of name to Resource, for all resources of one generation; `system` has the Listables of system tables.

    `others` are the users, which are `people`, and the uploaded files: fields lead to them, but they have no routes.

    `definitions` maps names to (Definition, Stored). Resources that have not changed since the Catalog `former` are
    kept, with their statements and schemas. `permitted` maps actions to the roles that may perform them on all records.
    `generation` is None before the first migration.
    """

    def __init__(
        self,
        definitions: Mapping[str, tuple[Definition, Stored]],
        settings: people.Settings,
        permitted: Mapping[str, frozenset[str]],
        generation: int | None,
        catalogs: "Catalogs",
        former: "Catalog | None" = None,
    ) -> None:
        self.permitted, self.generation, self.catalogs = permitted, generation, catalogs
        incoming = incoming_references(definition for definition, _ in definitions.values())
        by_name: dict[str, Definition] = {USERS: people.people_definition(settings), TABLE: FILES}
        by_name |= {name: definition for name, (definition, _) in definitions.items()}
        declared, serializer = Definitions(by_name), catalogs.cursor_serializer
        self.world = Definitions(by_name, lambda name: self.target(name).serial)
        for name, (definition, stored) in definitions.items():
            kept = former.get(name) if former else None
            paths = fields_of_paths(definition.paths, RulePlace(definition, declared)) if definition.paths else {}
            if kept is None or (kept.stored, kept.incoming, kept.path_fields) != (stored, incoming[name], paths):
                kept = Resource(definition, stored, incoming[name], serializer, own_table(definition), paths)
            self[name] = kept
        self.people = _make_people(settings, incoming[USERS], catalogs, former)
        files = former.others[TABLE] if former else Resource(FILES, (1, ""), (), serializer, SOURCE, {})
        self.others: dict[str, Resource] = {USERS: self.people, TABLE: files}
        self.referrers = {name: self._referring(each, is_list=False) for name, each in incoming.items()}
        self.linkers = {name: self._referring(each, is_list=True) for name, each in incoming.items()}
        self.system: dict[str, Listable] = former.system if former else make_system_tables(serializer)
        self.descriptions: dict[Hashable, Any] = {}  # of what callers see; services/records/descriptions.py fills it
        self._rules: dict[tuple[str, str], tuple[tuple[str, Condition], ...]] = {}
        for resource in (*self.values(), *self.others.values()):  # last, when the catalog is complete
            resource.catalog = self

    def target(self, name: str) -> Resource:
        """Return the Resource that a reference with this `to` refers to: one of the catalog, or the users."""
        return self.others.get(name) or self[name]

    def _referring(self, incoming: Iterable[IncomingReference], *, is_list: bool) -> list[tuple[Resource, str]]:
        return [(self[each.resource], each.field) for each in incoming if each.is_list == is_list]

    def __missing__(self, name: str) -> NoReturn:
        raise NotFound(f"There is no resource {name}.")

    def rules(self, definition: Definition, action: str) -> tuple[tuple[str, Condition], ...]:
        """Return what Resource.rules returns. It is read once, because a rule may lead through several resources."""
        key = definition.name, action
        if key not in self._rules:
            place, ruled = RulePlace(definition, self.world), definition.grants(action).ruled
            self._rules[key] = tuple([(role, _read_grant(role, where, place)) for role, where in ruled])
        return self._rules[key]


def _read_grant(role: str, where: dict[str, Any], place: RulePlace) -> Condition:
    """Return the rule of a grant; an owner may use only their own rows."""
    rule = read_rule(where, place)
    return all_of([OWN_ROWS, rule]) if role == OWNER_GRANT else rule


def _make_people(
    settings: people.Settings, incoming: Sequence[IncomingReference], catalogs: "Catalogs", former: Catalog | None
) -> Resource:
    """Return the users as a Resource; the one of the Catalog `former` if it is the same."""
    stored = (1, json.dumps(settings))
    if former is not None and (former.people.stored, former.people.incoming) == (stored, incoming):
        return former.people
    definition = people.people_definition(settings)
    table = Source(User, partial(people.people_columns, definition))
    return Resource(definition, stored, incoming, catalogs.cursor_serializer, table, {})


class Catalogs:
    """Holds the newest Catalog of this process, and replaces it after a change of definitions."""

    def __init__(self, secret_keys: Sequence[str]) -> None:
        # The serializer signs with the last key; in the settings the first one signs.
        self.cursor_serializer = CursorSerializer(list(secret_keys[::-1]), salt="cursor")
        self._lock, self.newest = threading.Lock(), self._load(None)

    def current(self) -> Catalog:
        """Return the Catalog of the definitions that are in the database now."""
        catalog, generation = self.newest, Generation.current()
        return catalog if catalog.generation == generation else self.after(catalog, generation)

    def after(self, stale: Catalog, generation: int) -> Catalog:
        """Return the Catalog that replaces `stale`; read the definitions unless another thread has just done so."""
        with self._lock:
            # The generation may be lower than the stale one: a restored backup may be older.
            if self.newest is stale or (self.newest.generation or 0) < generation:
                database.adopt_definitions()
                self.newest = self._load(stale)
            return self.newest

    def _load(self, former: Catalog | None) -> Catalog:
        database.tables_have_changed()
        with connected():
            if not database.table_exists(Generation):
                return Catalog({}, people.Settings({}, people.DIRECTORY), {}, None, self)
            # Read before the definitions: if they change in between, the next request sees a newer generation.
            generation = Generation.current()
            known = {name: (each.definition, each.stored) for name, each in (former or {}).items()}
            return Catalog(read_stored(known), people.read_settings(), permitted_roles(), generation, self, former)
