"""The Flask app with the URL rules of the system and of each current resource."""

from collections.abc import Callable
from typing import Any

import flask
from flask.json.provider import DefaultJSONProvider
from werkzeug.routing import MapAdapter

from backend.config.settings import Settings
from backend.middleware.app import App
from backend.middleware.request_log import ROUTE
from backend.routes.toolkit.arguments import Request
from backend.routes.toolkit.blueprint import Blueprint
from backend.routes.toolkit.resource_routes import ResourceRoutes, ViewRule, addressed_resource
from backend.routes.toolkit.url_rules import LazyRule
from backend.services.definitions.catalog import Catalogs, Resource

FAILURE = "larder.failure"  # the key in the WSGI environment of an error that a view would raise


class JsonProvider(DefaultJSONProvider):
    """Flask's JSON provider, which keeps the keys of a response in the order of the view."""

    sort_keys = False


class Larder(App):
    """An App whose resources can be added and dropped while it runs.

    Flask accepts no blueprints after its first request, so each resource has its own ResourceRoutes.
    """

    request_class, url_rule_class, json_provider_class = Request, LazyRule, JsonProvider

    def __init__(self, settings: Settings, catalogs: Catalogs, make_blueprint: Callable[[Resource], Blueprint]) -> None:
        super().__init__(settings, catalogs)
        self._make_blueprint = make_blueprint
        self.url_map.merge_slashes = False  # a double slash is a wrong path, not a redirect
        self.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes

    def routes_of(self, resource: Resource) -> ResourceRoutes:
        """Return the ResourceRoutes of a Resource, creating them if this is the first request for it."""
        if resource.routes is None:
            with resource.lock:
                if resource.routes is None:
                    resource.routes = ResourceRoutes(self._make_blueprint(resource))
        routes: ResourceRoutes = resource.routes
        return routes

    def create_url_adapter(self, request: flask.Request | None) -> MapAdapter | None:
        """Return the adapter that finds the view: with the rules of the resource in the path, or with Flask's own."""
        adapter = super().create_url_adapter(request)
        if adapter is not None and request is not None:
            environ = request.environ
            resource = addressed_resource(self.catalog_of(environ), environ.get("PATH_INFO", ""))
            if resource is not None:
                adapter.map = self.routes_of(resource).url_map
        return adapter

    def dispatch_request(self) -> Any:
        """Call the view, and return its result. Raise the error of what was tried without Flask."""
        request = flask.request
        rule = request.url_rule
        if rule is not None:
            request.environ[ROUTE] = rule.rule
        if (failure := request.environ.get(FAILURE)) is not None:
            raise failure
        if isinstance(rule, ViewRule) and request.method != "OPTIONS":
            return rule.view(**(request.view_args or {}))
        return super().dispatch_request()

    def log_exception(self, exc_info: Any) -> None:
        """Do nothing: middleware/errors.py logs exceptions, once and with the request id."""
