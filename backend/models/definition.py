"""The stored definitions, each version of them, and the generation."""

from collections.abc import Callable

from peewee import SQL, CompositeKey

from backend.models.base import BaseModel
from backend.models.columns import DateTimeColumn, IntegerColumn, JsonColumn, TextColumn, UuidColumn
from backend.utils.clock import utcnow

# Asked before every write, so without the cost of building a query.
CURRENT = 'SELECT number FROM "larder_generation"'


class StoredDefinition(BaseModel):
    """The definition of a resource that is in force; `body` is what the API shows, without the name."""

    name = TextColumn(primary_key=True)
    body = JsonColumn()
    version = IntegerColumn()
    created_at = DateTimeColumn(default=utcnow)
    updated_at = DateTimeColumn(default=utcnow)

    class Meta:
        table_name = "larder_definitions"


class DefinitionVersion(BaseModel):
    """A definition from one change to the next; the body is NULL if the resource was dropped or renamed."""

    name = TextColumn()
    version = IntegerColumn()
    body = JsonColumn(null=True)
    created_at = DateTimeColumn(default=utcnow)
    created_by = UuidColumn(null=True, constraints=[SQL("REFERENCES larder_users (id) ON DELETE SET NULL")])

    class Meta:
        table_name = "larder_definition_versions"
        primary_key = CompositeKey("name", "version")


class Generation(BaseModel):
    """The single row that counts changes of definitions; each process compares it with the number it has read."""

    id = IntegerColumn(primary_key=True)
    number = IntegerColumn()

    class Meta:
        table_name = "larder_generation"

    @classmethod
    def current(cls) -> int:
        """Return the number now in force."""
        ((number,),) = cls._meta.database.fetch_all(CURRENT, (), True)
        return int(number)

    @classmethod
    def check_current(cls, check: Callable[[int], None]) -> None:
        """Call `check` with the number now in force, at the latest when the next statement has been executed."""
        cls._meta.database.send_ahead(CURRENT, (), lambda rows: check(rows[0][0]))

    @classmethod
    def advance(cls) -> None:
        """Make every process read the definitions before its next request."""
        cls.update(number=cls.number + 1).execute()
