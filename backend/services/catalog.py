"""The resources of one build: each definition with its model and its statements."""

from functools import cached_property

from itsdangerous import URLSafeSerializer

from backend.models.database import database
from backend.models.definition import Generation, StoredDefinition
from backend.models.records import build_model, column
from backend.models.role import Role
from backend.services.conditions import within
from backend.services.definitions import parse_definition
from backend.services.errors import NotFound, Unavailable
from backend.services.system_tables import make_system_tables
from backend.services.tables import Table


class Resource(Table):
    """A definition come alive."""

    def __init__(self, definition, catalog):
        super().__init__(definition.name, definition.all_fields, build_model(definition, database.obj), catalog)
        self.definition = definition

    def column(self, name):
        """Return the model's column of a field."""
        return column(self.model, name)

    def scoped(self, condition, shape):
        """Return the condition, narrowed to the rows within a Scope of this shape."""
        return condition if shape is None else condition & within(self, shape)

    def visible(self, hidden):
        """Return the names of the fields beside those `hidden`; None when that is all of them."""
        return tuple(name for name in self.kinds if name not in hidden) if hidden else None

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

    @cached_property
    def referrers(self):
        """The (resource, field name) pairs that refer to this resource."""
        return [
            (other, name)
            for other in self.catalog.values()
            for name, kind in other.definition.references.items()
            if kind.to == self.name
        ]


class Catalog(dict):
    """Every Resource by name, the Tables of the system, and the generation of the definitions all were built from."""

    def __init__(self, definitions, generation, secret_keys):
        super().__init__({definition.name: Resource(definition, self) for definition in definitions})
        self.generation = generation
        self.system = make_system_tables(self)
        # It wants the key that signs at the end.
        self.cursor_serializer = URLSafeSerializer(secret_keys[::-1], salt="cursor")

    def hold(self):
        """Keep the definitions as they are until the transaction ends.

        Raises Unavailable if they are others by now than this request was read by: its values might mean another thing.
        """
        database.share_definitions()
        if Generation.current() != self.generation:
            raise Unavailable("The definitions have just changed; send it again.")

    def __missing__(self, name):
        raise NotFound(f"There is no resource {name}.")


def load_catalog(secret_keys):
    """Return the Catalog of the stored definitions; an empty one, of no generation, before the first migration."""
    with database.connection_context():
        if not Generation.table_exists():
            return Catalog([], None, secret_keys)
        # Read before the definitions: should they change in between, the next request sees a newer generation.
        generation = Generation.current()
        return Catalog(load_definitions().values(), generation, secret_keys)


def load_definitions():
    """Return every stored Definition by name."""
    rows = StoredDefinition.select().order_by(StoredDefinition.name)
    return {row.name: parse_definition({"name": row.name, **row.body}, version=row.version) for row in rows}


def role_names():
    """Return the names of all roles."""
    return [role.name for role in Role.select(Role.name).order_by(Role.name)]
