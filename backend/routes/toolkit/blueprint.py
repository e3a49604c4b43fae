"""The blueprint of all views: guards them, refuses unknown parameters, adds the envelope, and documents them."""

import http
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeVar

from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint as SmorestBlueprint
from marshmallow import Schema

from backend.middleware.guards import Guard
from backend.routes.toolkit import idempotency
from backend.routes.toolkit.arguments import Parser, takes_no_query
from backend.routes.toolkit.envelope import envelope_schema, list_meta
from backend.utils.clock import seconds_stamp

View = TypeVar("View", bound=Callable[..., Any])


class Blueprint(SmorestBlueprint):
    """A smorest blueprint whose responses have the envelope, and whose views refuse unknown query parameters."""

    ARGUMENTS_PARSER = Parser()

    extra_schemas: Sequence[Schema] = ()  # of the document, besides those of the views

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: Callable[..., Any] | None = None,
        **options: Any,
    ) -> None:
        """Register a view behind its guard; if it declares no query parameters, it refuses all of them.

        Raises TypeError if the view has no guard.
        """
        if view_func is None or not hasattr(view_func, "_guard"):
            raise TypeError(f"{endpoint or view_func} does not say who may call it: use @blp.guard")
        declared = _documentation(view_func).get("arguments", {}).get("parameters", [])
        if not any(parameter["in"] == "query" for parameter in declared):
            view_func = takes_no_query(view_func)
        super().add_url_rule(rule, endpoint, _guarded(view_func), **options)

    def guard(self, guard: Guard[Any]) -> Callable[[View], View]:
        """Return a decorator that runs the guard before the arguments of the view are read.

        The guard raises if the actor may not call the view. The OpenAPI document shows its `needs` as `x-needs`.
        """

        needs: dict[str, Any] = {"x-needs": guard.needs}

        def decorator(view: View) -> View:
            vars(view)["_guard"] = guard
            return self.doc(**needs)(view)

        return decorator

    def idempotent(self, view: Callable[..., ResponseReturnValue]) -> Callable[..., ResponseReturnValue]:
        """Return a view that supports the header Idempotency-Key."""
        return self.doc(parameters=[idempotency.PARAMETER])(idempotency.idempotent(view))

    def idempotent_secret(self, view: Callable[..., ResponseReturnValue]) -> Callable[..., ResponseReturnValue]:
        """Return a view that supports the header Idempotency-Key, and whose response contains a secret."""
        return self.doc(parameters=[idempotency.PARAMETER])(idempotency.idempotent(view, sealed=True))

    def arguments(self, schema: Schema | type[Schema], **options: Any) -> Callable[[View], View]:
        """Return a decorator that loads arguments with the schema. A schema class is instantiated once."""
        decorator: Callable[[View], View] = super().arguments(
            schema() if isinstance(schema, type) else schema, **options
        )
        return decorator

    # The following decorators write into the dict in which smorest keeps the documentation of a view. Those of smorest
    # would wrap the view again, which costs time at every request, and copy the dict with all its schemas, which costs
    # time whenever a resource changes.

    def documented_response(
        self, status: int, schema: Schema | type[Schema] | None = None, **options: Any
    ) -> Callable[[View], View]:
        """Return a decorator that documents the response of a view that builds its Response itself."""

        def decorator(view: View) -> View:
            vars(view)["_apidoc"] = self.response(status, schema, **options)(view)._apidoc
            return view

        return decorator

    def fails(self, *statuses: int) -> Callable[[View], View]:
        """Return a decorator that documents the error responses of a view."""

        def decorator(view: View) -> View:
            responses = _documentation(view).setdefault("response", {}).setdefault("responses", {})
            for status in statuses:
                responses.setdefault(status, []).append(http.HTTPStatus(status).name)
            return view

        return decorator

    def doc(self, *, parameters: Sequence[dict[str, Any]] = (), **options: Any) -> Callable[[View], View]:
        """Return a decorator that adds these members and parameters to the OpenAPI operation of a view."""

        def decorator(view: View) -> View:
            documentation = _documentation(view)
            documentation.setdefault("manual_doc", {}).update(options)
            if parameters:  # in `manual_doc` they would replace those that a schema describes
                documentation.setdefault("arguments", {}).setdefault("parameters", []).extend(parameters)
            return view

        return decorator

    @staticmethod
    def _prepare_response_content(data: Any) -> dict[str, Any]:
        body = {"success": True, "data": data, "message": "OK", "timestamp": seconds_stamp()}
        if isinstance(data, list):  # a list of the system, which has only one page
            body["meta"] = list_meta(page=1, per_page=max(len(data), 1), total=len(data), next_cursor=None)
        return body

    @staticmethod
    def _make_doc_response_schema(schema: Schema | None) -> Schema:
        return envelope_schema(schema)


def _guarded(view: Callable[..., Any]) -> Callable[..., Any]:
    check = vars(view)["_guard"]

    @wraps(view)
    def guarded(**arguments: Any) -> Any:
        check()
        return view(**arguments)

    return guarded


def _documentation(view: Callable[..., Any]) -> dict[str, Any]:
    """Return the dict in which smorest keeps the documentation of a view."""
    documentation: dict[str, Any] = vars(view).setdefault("_apidoc", {})
    return documentation
