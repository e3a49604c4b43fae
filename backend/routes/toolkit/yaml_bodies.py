"""Bodies in YAML, for what people also keep in files: read as strictly as JSON, and problems have their lines."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import flask
from flask import request
from marshmallow import Schema

from backend.services.errors import Invalid, Malformed, TooLarge
from backend.utils.problems import Problem
from backend.utils.strict_json import read_text
from backend.utils.strict_yaml import YamlError, compose_yaml, load_yaml, with_lines

MAX_YAML_BYTES = 200_000  # reading them takes up to two seconds, a hundred times longer than JSON
JSON, YAML = "application/json", "application/yaml"
# As binary, so that clients of generators return the text unchanged.
TEXT = {"content": {YAML: {"schema": {"type": "string", "format": "binary"}}}}


class YamlOrJson(Schema):
    """A schema of a body in JSON or YAML; its view is decorated with `takes_yaml`."""


def read_yaml(req: flask.Request) -> Any:
    """Return the value of a body in YAML. Raises Malformed if it is not valid, TooLarge if it is too long."""
    body = req.get_data(cache=True)
    if len(body) > MAX_YAML_BYTES:
        raise TooLarge(
            f"A body in YAML may have at most {MAX_YAML_BYTES:,} bytes. Send it as JSON, which may be larger."
        )
    try:
        return load_yaml(read_text(body, "YAML"), is_body=True)
    except YamlError as error:
        if error.line is None:
            raise Malformed(f"Not YAML: {error}") from error
        problem = Problem("bad_format", str(error), line=error.line)
        raise Malformed(f"Not YAML at line {error.line}: {error}", {"json": {"_schema": [problem]}}) from error
    except ValueError as error:
        raise Malformed(str(error)) from error


def takes_yaml(view: Callable[..., Any]) -> Callable[..., Any]:
    """Return a view that takes its body, which a YamlOrJson loads, also in YAML; problems have their lines.

    The OpenAPI document has the JSON body alone: generators of clients cannot send one of two types.
    """

    @wraps(view)
    def explain(*positional: Any, **arguments: Any) -> Any:
        try:
            return view(*positional, **arguments)
        except Invalid as error:
            if request.mimetype != YAML or "json" not in error.details:
                raise
            tree = compose_yaml(read_text(request.get_data(cache=True), "YAML"))
            raise Invalid(with_lines(error.errors, tree), message=error.message) from error

    return explain
