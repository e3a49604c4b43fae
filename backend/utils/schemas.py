"""The base of the marshmallow schemas that are made while the program runs."""

from collections.abc import Callable
from typing import Any, Self

from marshmallow import Schema, fields


class BuiltSchema(Schema):
    """A schema that is never changed once it is made, so that what would copy it can share it.

    `for_actor` is set where the document shows more than a request may use: it returns the schema to load the data of
    the current request with.
    """

    for_actor: Callable[[], Schema] | None = None

    class Meta:
        """Keep the schemas of former definitions out of marshmallow's registry, which would hold them for ever."""

        register = False

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self


def make_schema(name: str, parts: dict[str, fields.Field[Any]]) -> BuiltSchema:
    """Return a schema of these fields, of a class with this name."""
    schema: BuiltSchema = type(name, (BuiltSchema,), dict(parts))()
    return schema
