"""What all system tables share."""

from typing import TYPE_CHECKING, Any, Self

from peewee import Model

from backend.models.columns import DateTimeColumn, UuidColumn
from backend.models.database import database
from backend.utils.clock import utcnow
from backend.utils.ids import uuid7


class BaseModel(Model):
    """A system table; its name starts with `larder_`, which no resource's may."""

    class Meta:
        database = database

    if TYPE_CHECKING:  # the stubs of peewee give it no type

        @classmethod
        def table_exists(cls) -> bool: ...


class Entity(BaseModel):
    """A system table whose rows have a UUIDv7 and know when they were created."""

    id = UuidColumn(primary_key=True, default=uuid7)
    created_at = DateTimeColumn(default=utcnow)

    @classmethod
    def create(cls, **values: Any) -> Self:
        """Insert a row and return it."""
        # A given primary key makes peewee's save() an UPDATE, so the insert is forced.
        row = cls(**values)
        row.save(force_insert=True)
        return row
