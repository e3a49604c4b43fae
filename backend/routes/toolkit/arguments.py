"""Reads the arguments of requests strictly: JSON bodies and query parameters."""

from collections.abc import Callable, Mapping
from functools import cached_property, wraps
from types import MappingProxyType
from typing import IO, Any
from urllib.parse import parse_qsl

import flask
from flask import abort, request
from flask_smorest import abort as abort_with
from marshmallow import RAISE, Schema, ValidationError, fields
from webargs.core import missing
from webargs.fields import DelimitedList
from webargs.flaskparser import FlaskParser
from werkzeug.datastructures import MultiDict

from backend.middleware.authentication import current_actor
from backend.routes.toolkit.unknown_parameters import explain_unknown
from backend.routes.toolkit.yaml_bodies import JSON, YAML, YamlOrJson, read_yaml
from backend.services.access.actors import Actor
from backend.services.errors import Invalid, Malformed
from backend.utils.problems import UNKNOWN_PARAMETER, Problem
from backend.utils.query_lists import read_pairs, split_values
from backend.utils.schemas import BuiltSchema
from backend.utils.strict_json import explain_no_object, read_body
from backend.utils.texts import printable

MAX_EXPLAINED = 20  # wrong parameters of one request
SHOWN_CHARACTERS = 40  # of a header in a message
FILE_FIRST = " Upload a file with POST /api/v1/files, and send its id."

GIVEN_TWICE = Problem("duplicate", "Given more than once.")


class Request(flask.Request):
    """A request that is refused if its query string is not UTF-8, or if its body is compressed."""

    @cached_property
    def stream(self) -> IO[bytes]:
        """The stream of the body. Raises UnsupportedMediaType if it is compressed."""
        coding = self.headers.get("Content-Encoding", "").strip().lower()
        if coding not in ("", "identity"):
            abort(415, f"The body is compressed ({coding[:SHOWN_CHARACTERS]}); send it without Content-Encoding.")
        return super().stream

    @cached_property
    def args(self) -> MultiDict[str, str]:
        """The query parameters. Raises Malformed if they are not UTF-8."""
        return parse_query(self.query_string)


def parse_query(query: bytes) -> MultiDict[str, str]:
    """Return the parameters of a query string. Raises Malformed if it is not UTF-8."""
    try:
        return MultiDict(parse_qsl(query.decode(), keep_blank_values=True, errors="werkzeug.url_quote"))
    except UnicodeDecodeError as error:
        raise Malformed("The query string is not valid UTF-8.") from error


class QuerySchema(BuiltSchema):
    """A schema of query parameters. It only visits the parameters that are sent, because a resource has dozens."""

    class Meta(BuiltSchema.Meta):
        """Refuse unknown parameters."""

        unknown = RAISE

    remembered: dict[bytes, Any]  # what was read of query strings; routes/toolkit/reads.py fills it
    types: Mapping[str, str] = MappingProxyType({})  # of the fields of a resource, by name, to explain wrong filters

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.remembered = {}

    def of(self, actor: Actor) -> "QuerySchema":
        """Return the schema that reads an actor's query strings: without what they may not see."""
        narrowed: QuerySchema = self.for_actor(actor) if self.for_actor else self
        return narrowed

    def read(self, query: bytes) -> dict[str, Any]:
        """Return a map of parameter to value of a query string, with defaults.

        Raises Malformed if it is not UTF-8, and Invalid if a parameter is unknown, or if its value is not valid. Only a
        CommaList may be repeated: of any other parameter, all but one of the values would be ignored.
        """
        if not query:
            return dict(self.defaults)
        sent = parse_query(query)
        lists = {name for name in sent if isinstance(self.parameter(name), CommaList)}
        if repeated := [name for name, values in sent.lists() if len(values) > 1 and name not in lists]:
            raise Invalid({name: [GIVEN_TWICE] for name in repeated}, location="query")
        try:
            return self.load(sent.to_dict() | _read_lists(query, lists))
        except ValidationError as error:
            raise Invalid(error.messages_dict, location="query") from error

    def load(self, data: Any, **options: Any) -> dict[str, Any]:
        """Return a map of parameter to value, with defaults.

        Raises ValidationError if a parameter is unknown or its value is not valid.
        """
        values, problems = dict(self.defaults), dict[str, Any]()
        for name, text in data.items():
            field = self.parameter(name)
            try:
                if field is None:
                    raise ValidationError(self._explain(name) if len(problems) < MAX_EXPLAINED else UNKNOWN_PARAMETER)
                values[name] = field.deserialize(text, name, data)
            except ValidationError as error:
                problems[name] = error.messages
        if problems:
            raise ValidationError(problems)
        return values

    def _explain(self, name: str) -> Problem:
        """Return the problem of an unknown parameter."""
        known = [each for each, found in self.load_fields.items() if not isinstance(found, Family)]
        return explain_unknown(name, known, self.types)

    def parameter(self, name: str) -> fields.Field[Any] | None:
        """Return the field that loads the parameter of this name; None if it is unknown."""
        field = self.load_fields.get(name)
        if field is None or isinstance(field, Family):
            return next((found for family in self._families if (found := family.find(name))), None)
        return field

    @cached_property
    def _families(self) -> list["Family"]:
        return [field for field in self.load_fields.values() if isinstance(field, Family)]

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """Map of parameter to default, for parameters that have one."""
        defaults = {name: field.load_default for name, field in self.load_fields.items()}
        return {name: default for name, default in defaults.items() if default is not missing}


class CommaList(DelimitedList):
    """A list: `a,b`, or the parameter repeated for each value, as generated clients do.

    With `keeps_commas`, an encoded comma (`%2C`) is part of a value. Without it, an encoded comma separates values too:
    values cannot contain commas, and many clients encode all of them.
    """

    def __init__(self, inner: fields.Field[Any], *, keeps_commas: bool = False, **options: Any) -> None:
        super().__init__(inner, **options)
        self.keeps_commas = keeps_commas

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> list[Any]:
        values = value if self.keeps_commas else [part for text in value for part in text.split(",")]
        return fields.List._deserialize(self, values, attr, data, **kwargs)


class Family(fields.Field[Any]):
    """Parameters that are too many to document one by one: `find` returns the field of a name, None of other names.

    The document has one parameter for them: an object whose members are parameters themselves (`explode`). `pattern`
    describes their names.
    """

    def __init__(self, find: Callable[[str], fields.Field[Any] | None], pattern: str, description: str) -> None:
        super().__init__(metadata={"description": description})
        self.find, self.pattern = find, pattern


def family_schema(pattern: str) -> dict[str, Any]:
    """Return the JSON Schema of the object for a Family."""
    return {"type": "object", "propertyNames": {"pattern": pattern}, "additionalProperties": {"type": "string"}}


def describe_family(converter: Any, field: fields.Field[Any], **_: Any) -> dict[str, Any]:
    """Return the JSON Schema of a Family, and an empty one of other fields."""
    return family_schema(field.pattern) if isinstance(field, Family) else {}


def explode_family(converter: Any, field: fields.Field[Any], **_: Any) -> dict[str, Any]:
    """Return what makes the members of the object for a Family parameters; nothing for other fields."""
    return {"style": "form", "explode": True} if isinstance(field, Family) else {}


class Parser(FlaskParser):
    """Refuses unknown names, repeated parameters, and bodies that are not strict JSON."""

    DEFAULT_UNKNOWN_BY_LOCATION = {"json": RAISE, "query": RAISE}

    def parse(
        self,
        argmap: Any,
        req: flask.Request | None = None,
        *,
        location: str | None = None,
        **options: Any,
    ) -> Any:
        """Return the arguments. A QuerySchema reads the query string itself."""
        if location == "query" and isinstance(argmap, QuerySchema):
            schema = argmap.of(current_actor()) if argmap.for_actor else argmap
            return schema.read(request.query_string)
        return super().parse(argmap, req, location=location, **options)

    def _get_schema(self, argmap: Any, req: flask.Request) -> Schema:
        """Return the schema that loads the request; the documented one may have more fields than the actor may use."""
        schema = super()._get_schema(argmap, req)
        return schema.for_actor(current_actor()) if isinstance(schema, BuiltSchema) and schema.for_actor else schema

    def load_json(self, req: flask.Request, schema: Schema) -> Any:
        """Return the body. An array is only valid if the schema is of many objects."""
        takes_yaml = isinstance(schema, YamlOrJson)
        if takes_yaml:
            require_type(req, JSON, YAML)
        data = read_yaml(req) if takes_yaml and req.mimetype == YAML else super().load_json(req, schema)
        if not isinstance(data, dict) and data is not missing and not schema.many:
            problem = Problem("wrong_type", explain_no_object(data), expected="object")
            abort_with(422, messages={"json": {"_schema": [problem]}})
        return data

    def _raw_load_json(self, req: flask.Request) -> Any:
        require_type(req, JSON)  # webargs would also accept types that end in `+json`
        try:
            return read_body(req.get_data(cache=True))
        except ValueError as error:
            abort_with(400, exc=error, message=str(error))
        return missing  # never reached, since abort_with raises


def require_type(req: flask.Request, *types: str) -> None:
    """Raise UnsupportedMediaType if the body has none of these types."""
    if req.mimetype in types:
        return
    expected = " or ".join(types)
    if not req.mimetype:
        abort(415, f"The request has no Content-Type; send {expected}.")
    hint = ""
    if req.mimetype == "multipart/form-data":
        hint = FILE_FIRST if types == (JSON,) else " Send the file itself as the body, not as a form."
    abort(415, f"The body must be {expected}, not {printable(req.mimetype, SHOWN_CHARACTERS)}.{hint}")


def _read_lists(query: bytes, lists: set[str]) -> dict[str, list[str]]:
    """Return a map of each of these list parameters to its values."""
    values: dict[str, list[str]] = {name: [] for name in lists}
    for name, value in read_pairs(query) if values else ():
        if name in values:
            values[name] += split_values(value)
    return values


def takes_no_query(view: Callable[..., Any]) -> Callable[..., Any]:
    """Return a view that refuses all query parameters: a misspelled one must not be ignored."""

    @wraps(view)
    def checked(**arguments: Any) -> Any:
        if request.query_string:
            abort_with(422, messages={"query": {name: [UNKNOWN_PARAMETER] for name in request.args}})
        return view(**arguments)

    return checked
