"""Writes the OpenAPI document of blueprints, with parts that apispec cannot describe itself."""

from typing import Any

from flask import Flask
from flask_smorest.spec import APISpecMixin

from backend.middleware.errors import FailureSchema
from backend.routes.toolkit.arguments import describe_family, explode_family
from backend.routes.toolkit.blueprint import Blueprint
from backend.routes.toolkit.document_converter import Plugin, describe_declaration, describe_keys
from backend.routes.toolkit.expanding import describe_expanded
from backend.routes.toolkit.groups import describe_measures
from backend.routes.toolkit.profiles import describe_profile
from backend.routes.toolkit.resource_routes import ResourceRoutes
from backend.routes.toolkit.security import BEARER, SIGN_IN, cookie_scheme
from backend.routes.toolkit.where_parameter import describe_where

DESCRIPTION = """Every success is `{"success": true, "data": …, "message": …, "timestamp": …}`, with `meta` beside the
`data` of a list. Every failure is `{"success": false, "error": {"code", "message", "details"}, "timestamp": …}`.
Unknown query parameters and unknown fields of a body are refused, and so is the character NUL in any text. Sign in at
`/api/v1/auth/login` and send the access token as `Authorization: Bearer`."""


class Writer(APISpecMixin):
    """Writes the part of the document for some blueprints.

    The responses of every HTTP status are the same in all parts, and generating them takes as long as a small resource.
    So a further Writer reuses those of the `first`.
    """

    ERROR_SCHEMA = FailureSchema

    def __init__(self, app: Flask, first: "Writer | None" = None) -> None:
        self._first: Writer | None = first
        self.responses: dict[str, Any] = {}
        self._app, self.config, self.config_prefix = app, app.config, ""
        self._fields: list[Any] = []
        self._converters: list[Any] = []
        self._init_spec(marshmallow_plugin=Plugin(), info={"description": DESCRIPTION}, security=SIGN_IN)
        converter = self.ma_plugin.converter
        for describe in (
            describe_declaration,
            describe_keys,
            describe_profile,
            describe_measures,
            describe_expanded,
            describe_family,
            describe_where,
        ):
            converter.add_attribute_function(describe)
        converter.add_parameter_attribute_function(explode_family)
        self.spec.components.security_scheme("bearer", BEARER)
        self.spec.components.security_scheme("cookie", cookie_scheme(app.config["JWT_ACCESS_COOKIE_NAME"]))

    def _register_etag_headers(self) -> None:
        """Do nothing: the views describe their own headers."""

    _register_pagination_header = _register_etag_headers

    def _register_responses(self) -> None:
        waiting = self.spec.components.responses_lazy
        if self._first is None:
            super()._register_responses()
            self.responses.update(waiting)
        else:
            waiting.update(self._first.responses)

    def write(self, blueprints: list[Blueprint], owner: Flask | ResourceRoutes) -> dict[str, Any]:
        """Return the document of these blueprints; `owner.url_map` has their rules."""
        for blueprint in blueprints:
            blueprint.register_views_in_doc(self, owner, self.spec, name=blueprint.name, parameters=None)
            for schema in blueprint.extra_schemas:
                self.ma_plugin.converter.resolve_nested_schema(schema)
            self.spec.tag({"name": blueprint.name, "description": blueprint.description})
        document: dict[str, Any] = self.spec.to_dict()
        return document
