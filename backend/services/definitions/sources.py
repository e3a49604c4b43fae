"""The tables that resources are read from."""

from collections.abc import Callable
from typing import Any, NamedTuple

from peewee import Model

from backend.models.database import database
from backend.models.records import build_model, column
from backend.services.definitions.definition import Definition


class Source(NamedTuple):
    """The model of a resource; `columns` returns the map of field name to column, of the model or an alias of it."""

    model: type[Model]
    columns: Callable[[Any], dict[str, Any]]


def own_table(definition: Definition) -> Source:
    """Return the Source of a resource with a table of its own."""
    model = build_model(definition, database.obj)
    return Source(model, lambda table: {name: column(table, name) for name in definition.all_fields})
