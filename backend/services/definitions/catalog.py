"""The resources that are in force: each definition with its model and its statements."""

import json
import threading
from functools import cached_property
from typing import NamedTuple

from itsdangerous import URLSafeSerializer
from peewee import Cast

from backend.models.database import connected, database
from backend.models.definition import Generation, StoredDefinition
from backend.models.records import build_model, column
from backend.models.role import Role
from backend.services.definitions.parsing import read_definition
from backend.services.definitions.system_tables import make_system_tables
from backend.services.errors import Invalid, NotFound, Unavailable
from backend.services.storage.conditions import within
from backend.services.storage.listable import Listable


class Resource(Listable):
    """A definition in use, with its model and its statements.

    It goes on in the next Catalog as long as nothing that it is made from has changed: its own definition, as it is
    `stored`, and its `ties` to those that refer to it.
    """

    def __init__(self, definition, stored, ties):
        super().__init__(definition.name, definition.all_fields, build_model(definition, database.obj))
        self.definition, self.stored, self.ties = definition, stored, ties
        self.data_schemas = {}  # by the fields that somebody may not see and not set, see services/records/schemas.py
        self.interface, self.lock = None, threading.Lock()  # what serves it over HTTP, made when it is first asked for

    @property
    def referrers(self):
        """The (resource, field name) pairs that refer to this resource."""
        return self.catalog.referrers[self.name]

    def hold(self):
        """Keep the definition as it is until the transaction ends.

        Raises Unavailable if it is another one than this request was read by: its values might mean something else.
        """
        database.share_definitions()
        self.require_in_force(Generation.current())

    def require_in_force(self, generation: int) -> None:
        """Raise Unavailable if the definition is another one in this generation."""
        if generation != self.catalog.generation:
            newest = self.catalog.source.after(self.catalog, generation)
            if newest.get(self.name) is not self:
                raise Unavailable("The definition has just changed; send the request again.")

    def column(self, name):
        """Return the model's column of a field."""
        return column(self.model, name)

    def scoped(self, condition, shape):
        """Return the condition, narrowed to the rows within a Scope of this shape."""
        return condition if shape is None else condition & within(self, shape)

    def visible(self, hidden):
        """Return the names of the fields beside those `hidden`; None when that is all of them."""
        return tuple(name for name in self.kinds if name not in hidden) if hidden else None

    def require_indexable(self, data):
        """Raise Invalid for a text that is too long for an index its field is in."""
        limits, problems = self.definition.indexed_bytes, {}
        for name, most in limits.items():
            if isinstance(text := data.get(name), str) and len(text.encode()) > most:
                problems[name] = [f"At most {most:,} bytes, because the field is in an index."]
        if problems:
            raise Invalid(problems)

    def to_columns(self, data):
        """Return {field: value} with the values as the database takes them."""
        convert = self._converters
        return {name: convert[name](value) for name, value in data.items()}

    @cached_property
    def _converters(self):
        return {name: self.column(name).db_value for name in self.kinds}

    @cached_property
    def defaults(self):
        """What a new record has, by field, where nothing is given."""
        fields = self.definition.fields
        given = {name: kind for name, kind in fields.items() if kind.default is not None}
        return dict.fromkeys(fields) | {name: kind.wire().deserialize(kind.default) for name, kind in given.items()}


class Catalog(dict):
    """Every Resource by name, the Listables of the system, and the generation of the definitions they were made from.

    `definitions` holds (Definition, stored) by name. `former` is the Catalog before: its resources go on in this one
    where nothing has changed, and requests that are under way with them notice nothing.
    """

    def __init__(self, definitions, generation, source, former=None):
        super().__init__()
        self.generation, self.source = generation, source
        ties = _ties({name: definition for name, (definition, _) in definitions.items()})
        for name, (definition, stored) in definitions.items():
            kept = former.get(name) if former else None
            is_kept = kept is not None and (kept.stored, kept.ties) == (stored, ties[name])
            self[name] = kept if is_kept else Resource(definition, stored, ties[name])
        self.referrers = {name: [(self[tie.resource], tie.field) for tie in tied] for name, tied in ties.items()}
        self.system = former.system if former else make_system_tables()
        for table in (*self.values(), *self.system.values()):  # last, when everything is there
            table.catalog = self

    @property
    def cursor_serializer(self):
        """What signs cursors."""
        return self.source.cursor_serializer

    def __missing__(self, name):
        raise NotFound(f"There is no resource {name}.")


class Tie(NamedTuple):
    """A reference to a resource, and whether the one that refers has fields that not everybody may see."""

    resource: str
    field: str
    has_ruled_fields: bool


def _ties(definitions):
    """Return the Ties to each resource by name."""
    ties = {name: [] for name in definitions}
    for name, definition in definitions.items():
        for field, kind in definition.references.items():
            if kind.to in ties:
                ties[kind.to].append(Tie(name, field, bool(definition.ruled_fields)))
    return ties


class Catalogs:
    """The newest Catalog of this process, and how it is replaced when definitions have changed."""

    def __init__(self, secret_keys):
        # It wants the key that signs at the end.
        self.cursor_serializer = URLSafeSerializer(secret_keys[::-1], salt="cursor")
        self._lock = threading.Lock()
        self.newest = self._load(None)

    def after(self, stale, generation):
        """Return the Catalog that is in force where `stale` is not: the newest, made anew unless somebody just did."""
        with self._lock:
            # A restored backup may have an older generation, so any other than the stale one's counts.
            if self.newest is stale or self.newest.generation < generation:
                self.newest = self._load(stale)
            return self.newest

    def _load(self, former):
        with connected():
            if not Generation.table_exists():
                return Catalog({}, None, self)  # before the first migration
            # Read before the definitions: should they change in between, the next request sees a newer generation.
            generation = Generation.current()
            return Catalog(_read_definitions(former), generation, self, former)


def _read_definitions(former):
    """Return (Definition, stored) by name; what is stored as `former` knows it is not parsed again."""
    columns = (StoredDefinition.name, StoredDefinition.version, Cast(StoredDefinition.body, "TEXT"))
    rows = database.execute(StoredDefinition.select(*columns).order_by(StoredDefinition.name)).fetchall()
    found = {}
    for name, *stored in rows:
        known = former.get(name) if former else None
        if known is not None and known.stored == stored:
            found[name] = known.definition, stored
        else:
            version, body = stored
            found[name] = read_definition({"name": name, **json.loads(body)}, version), stored
    return found


def load_definitions():
    """Return every stored Definition by name."""
    rows = StoredDefinition.select().order_by(StoredDefinition.name)
    return {row.name: read_definition({"name": row.name, **row.body}, row.version) for row in rows}


def role_names():
    """Return the names of all roles."""
    return [role.name for role in Role.select(Role.name).order_by(Role.name)]
