"""The base class of marshmallow schemas that are built at run time."""

from collections.abc import Callable
from typing import Any, Self
from weakref import WeakKeyDictionary

from marshmallow import Schema, fields

# In the metadata of a field: the name of the component of the OpenAPI document that describes it.
COMPONENT = "component"
_MESSAGES = WeakKeyDictionary[type, Any]()  # by class of field


class _SharedFields(dict[str, fields.Field[Any]]):
    """The fields of a class of schemas, which marshmallow does not copy for each instance."""

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self


def _share_messages(field: fields.Field[Any]) -> None:
    """Let fields of one class share their error messages, of which marshmallow makes a dict for each field."""
    known = _MESSAGES.setdefault(type(field), field.error_messages)
    if known == field.error_messages:
        field.error_messages = known


class BuiltSchema(Schema):
    """A schema that is never changed after it was built, so code that would copy it can share it, and its fields.

    `for_actor` is set if the OpenAPI document shows more fields than some actors may use. It returns the schema that
    loads the data of an actor's request.
    """

    for_actor: Callable[[Any], Any] | None = None

    class Meta:
        """Stay out of marshmallow's class registry, which would keep the schemas of former definitions forever."""

        register = False

    def __init__(self, **options: Any) -> None:
        cls = type(self)
        if not isinstance(cls._declared_fields, _SharedFields):
            cls._declared_fields = _SharedFields(cls._declared_fields)
        super().__init__(**options)

    def _init_fields(self) -> None:
        """Use all fields of the class as they are.

        marshmallow would make four maps and several ordered sets of them, for each schema: a third of the memory and of
        the CPU time of a resource, because its queries have a hundred fields.
        """
        for name, field in self.declared_fields.items():
            self._bind_field(name, field)
            _share_messages(field)
        self.fields = self.load_fields = self.dump_fields = self.declared_fields

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self


def make_schema(name: str, members: dict[str, fields.Field[Any]], base: type[BuiltSchema] = BuiltSchema) -> BuiltSchema:
    """Return a schema with these fields; `name` is the name of its class, `base` its base class."""
    schema: BuiltSchema = type(name, (base,), dict(members))()
    return schema
