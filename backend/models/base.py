"""What all system tables share."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self

from peewee import Model

from backend.models.columns import DateTimeColumn, UuidColumn
from backend.models.database import database
from backend.utils.clock import utcnow
from backend.utils.ids import uuid7

PREFIX = "larder_"  # of the system tables


class BaseModel(Model):
    """A system table; its name starts with `larder_`, which no resource's may."""

    class Meta:
        database = database

    @classmethod
    def of_row(cls, values: Sequence[Any]) -> Self:
        """Return a row, given what a statement has returned for all columns, in their order."""
        columns = zip(cls._meta.sorted_fields, values, strict=True)
        return cls(__no_default__=1, **{column.name: column.python_value(value) for column, value in columns})

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


def system_models() -> list[type[BaseModel]]:
    """Return the models of all system tables, sorted by the name of the table."""
    return sorted(_models_below(BaseModel), key=lambda model: str(model._meta.table_name))


def _models_below(base: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for model in base.__subclasses__():
        # Migrations have models of the same tables as they were.
        if model.__module__.startswith("backend.models.") and model._meta.table_name.startswith(PREFIX):
            yield model
        yield from _models_below(model)
