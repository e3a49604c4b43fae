"""Writes the OpenAPI document of blueprints, with parts that apispec cannot describe itself."""

from typing import Any

from flask import Flask
from flask_smorest.spec import APISpecMixin

from backend.config.settings import Settings
from backend.middleware.app import App
from backend.middleware.errors import FailureSchema, ValueProblemSchema
from backend.routes.toolkit.blueprint import Blueprint
from backend.routes.toolkit.document_components import COMPONENTS
from backend.routes.toolkit.document_converter import Plugin
from backend.routes.toolkit.resource_routes import ResourceRoutes
from backend.routes.toolkit.security import BEARER, SIGN_IN, cookie_scheme

LICENSE = {"name": "MIT", "identifier": "MIT"}
DESCRIPTION = """Every success is `{"success": true, "data": …, "message": …, "timestamp": …}`, with `meta` beside the
`data` of a list. Every failure is `{"success": false, "error": {"code", "message", "details"}, "timestamp": …}`.
Unknown query parameters and unknown fields of a body are refused, and so is the character NUL in any text. Sign in at
`/api/v1/auth/login` and send the access token as `Authorization: Bearer`."""


METHODS = {"get", "post", "put", "patch", "delete"}


def _info(settings: Settings) -> dict[str, Any]:
    contact = {"name": settings.app_title, "url": settings.public_url}
    return {"description": DESCRIPTION, "contact": contact, "license": LICENSE}


def _servers(settings: Settings) -> list[dict[str, str]]:
    """Return the address that clients use; without a setting, the one from which they get the document."""
    return [{"url": "/" if settings.public_url == settings.own_url else settings.public_url}]


class Writer(APISpecMixin):
    """Writes the part of the document for some blueprints.

    The responses of every HTTP status are the same in all parts, and generating them takes as long as a small resource.
    So a further Writer reuses those of the `first`.
    """

    ERROR_SCHEMA = FailureSchema

    def __init__(self, app: App, first: "Writer | None" = None) -> None:
        self._first: Writer | None = first
        self.responses: dict[str, Any] = {}
        self._app, self.config, self.config_prefix = app, app.config, ""
        self._fields: list[Any] = []
        self._converters: list[Any] = []
        self._init_spec(
            marshmallow_plugin=Plugin(), info=_info(app.settings), servers=_servers(app.settings), security=SIGN_IN
        )
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

    def write_system(self, blueprints: list[Blueprint]) -> dict[str, Any]:
        """Return the document of the system, whose views these blueprints have, with its COMPONENTS."""
        for name, component in COMPONENTS.items():
            self.spec.components.schema(name, component)
        self.ma_plugin.converter.resolve_nested_schema(ValueProblemSchema)
        return self.write(blueprints, self._app)

    def write(self, blueprints: list[Blueprint], owner: Flask | ResourceRoutes) -> dict[str, Any]:
        """Return the document of these blueprints; `owner.url_map` has their rules."""
        for blueprint in blueprints:
            blueprint.register_views_in_doc(self, owner, self.spec, name=blueprint.name, parameters=None)
            for schema in blueprint.extra_schemas:
                self.ma_plugin.converter.resolve_nested_schema(schema)
            self.spec.tag({"name": blueprint.name, "description": blueprint.description})
        document: dict[str, Any] = self.spec.to_dict()
        for path in document["paths"].values():
            for method in METHODS & path.keys():
                path[method].setdefault("description", f"{path[method]['summary']}.")
        return document
