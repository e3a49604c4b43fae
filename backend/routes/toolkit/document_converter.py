"""Describes marshmallow fields as JSON Schema, in the forms that generators of clients understand."""

import re
from typing import Any

from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import fields

from backend.routes.toolkit.arguments import describe_family, explode_family
from backend.routes.toolkit.document_components import COMPONENTS_OF_FIELDS, component
from backend.routes.toolkit.enum_names import VARNAMES, value_names
from backend.routes.toolkit.expand_parameter import describe_expanded
from backend.routes.toolkit.groups import describe_measures
from backend.routes.toolkit.where_parameter import describe_where
from backend.services.definitions.schema import FieldDeclaration
from backend.utils.schemas import COMPONENT

PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def describe_component(converter: Any, field: fields.Field[Any], ret: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Return the reference to the component of a field that names one; nothing for other fields."""
    if COMPONENT not in field.metadata:
        return {}
    ret.clear()
    name, components = field.metadata[COMPONENT], converter.spec.components
    if name in COMPONENTS_OF_FIELDS and name not in components.schemas:
        components.schema(name, COMPONENTS_OF_FIELDS[name])
    reference = component(name)
    return {"anyOf": [reference, {"type": "null"}]} if field.allow_none else reference


def describe_declaration(converter: Any, field: fields.Field[Any], **_: Any) -> dict[str, Any]:
    """Return the JSON Schema of a FieldDeclaration: one schema for each field type."""
    if not isinstance(field, FieldDeclaration):
        return {}
    components = converter.spec.components
    if "FieldDeclaration" not in components.schemas:
        described = {name: converter.resolve_nested_schema(schema) for name, schema in field.schemas.items()}
        mapping = {name: schema["$ref"] for name, schema in described.items()}
        choice = {"oneOf": [*described.values()], "discriminator": {"propertyName": "type", "mapping": mapping}}
        components.schema("FieldDeclaration", choice)
    return component("FieldDeclaration")


def describe_keys(converter: Any, field: fields.Field[Any], **_: Any) -> dict[str, Any]:
    """Return the pattern of the keys of a Dict; apispec only documents the values."""
    if not isinstance(field, fields.Dict) or field.key_field is None:
        return {}
    pattern = field.key_field.metadata.get("pattern")
    return {"propertyNames": {"pattern": pattern}} if pattern else {}


DESCRIBERS = (
    *(describe_declaration, describe_keys, describe_component, describe_measures),
    *(describe_expanded, describe_family, describe_where),
)


class Converter(OpenAPIConverter):
    """apispec's converter, with our own fields, and with other forms where generators need them."""

    def init_attribute_functions(self) -> None:
        """Set the functions that describe a field, before any is described."""
        self._described: dict[int, tuple[list[Any], dict[str, Any]]] = {}  # by the id of the list, which is kept alive
        super().init_attribute_functions()  # type: ignore[no-untyped-call]
        for describe in DESCRIBERS:
            self.add_attribute_function(describe)  # type: ignore[no-untyped-call]

    def init_parameter_attribute_functions(self) -> None:
        """Set the functions that describe a parameter beside its schema."""
        super().init_parameter_attribute_functions()
        self.add_parameter_attribute_function(explode_family)

    def field2property(self, field: fields.Field[Any]) -> dict[str, Any]:
        """Return the JSON Schema of a field.

        It is written once: a list, an export and an aggregate have copies of the same hundred fields. Copies share the
        list of validators, and no other field has it.
        """
        key = id(field.validators)
        if key not in self._described:
            self._described[key] = (field.validators, super().field2property(field))
        return {**self._described[key][1]}

    def _field2parameter(self, field: fields.Field[Any], *, name: str, location: str) -> dict[str, Any]:
        described: dict[str, Any] = super()._field2parameter(field, name=name, location=location)
        return described | {"schema": described["schema"] | super().field2default(field)}

    def field2default(self, *_: Any, **__: Any) -> dict[str, Any]:
        """Return nothing: only parameters have a default. It would make a member of a body required in clients."""
        return {}

    def metadata2properties(self, field: fields.Field[Any], **options: Any) -> dict[str, Any]:
        """Return the members that the metadata of a field give, without a default."""
        described: dict[str, Any] = super().metadata2properties(field, **options)
        described.pop("default", None)
        return described

    def field2read_only(self, *_: Any, **__: Any) -> dict[str, Any]:
        """Return nothing: requests and responses have different schemas."""
        return {}

    field2write_only = field2read_only

    def field2choices(self, field: fields.Field[Any], **options: Any) -> dict[str, Any]:
        """Return the `enum` of a field, with names for code unless all its values are names themselves."""
        described: dict[str, Any] = super().field2choices(field, **options)
        texts = [value for value in described.get("enum", ()) if isinstance(value, str)]
        return described | ({} if all(map(PLAIN.fullmatch, texts)) else {VARNAMES: value_names(texts)})


class Plugin(MarshmallowPlugin):
    """apispec's plugin, with this Converter."""

    Converter = Converter
