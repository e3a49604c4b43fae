"""The base class of marshmallow schemas that are built at run time."""

from collections.abc import Callable
from typing import Any, Self

from marshmallow import Schema, fields

# In the metadata of a field: the name of the component of the OpenAPI document that describes it.
COMPONENT = "component"


class BuiltSchema(Schema):
    """A schema that is never changed after it was built, so code that would copy it can share it.

    `for_actor` is set if the OpenAPI document shows more fields than some actors may use. It returns the schema that
    loads the data of an actor's request.
    """

    for_actor: Callable[[Any], Any] | None = None

    class Meta:
        """Stay out of marshmallow's class registry, which would keep the schemas of former definitions forever."""

        register = False

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self


def make_schema(name: str, members: dict[str, fields.Field[Any]], base: type[BuiltSchema] = BuiltSchema) -> BuiltSchema:
    """Return a schema with these fields; `name` is the name of its class, `base` its base class."""
    schema: BuiltSchema = type(name, (base,), dict(members))()
    return schema
