"""The blueprint of every view: it guards, refuses unknown parameters, wraps and documents."""

import http
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import Response
from flask_smorest import Blueprint as SmorestBlueprint
from marshmallow import Schema

from backend.middleware.guards import Guard
from backend.routes.toolkit import idempotency
from backend.routes.toolkit.arguments import Parser, takes_no_query
from backend.routes.toolkit.envelope import envelope_schema, list_meta
from backend.utils.clock import seconds_stamp

View = TypeVar("View", bound=Callable[..., Any])


class Blueprint(SmorestBlueprint):
    """A smorest blueprint whose answers have the envelope, and whose views refuse parameters they do not know."""

    ARGUMENTS_PARSER = Parser()

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: Callable[..., Any] | None = None,
        **options: Any,
    ) -> None:
        """Register a view behind its guard; one that declares no query takes none. Raises TypeError without a guard."""
        if view_func is None or not hasattr(view_func, "_guard"):
            raise TypeError(f"{endpoint or view_func} does not say who may call it: use @blp.guard")
        declared = _notes(view_func).get("arguments", {}).get("parameters", [])
        if not any(parameter["in"] == "query" for parameter in declared):
            view_func = takes_no_query(view_func)
        super().add_url_rule(rule, endpoint, _guarded(view_func), **options)

    def guard(self, guard: Guard[Any]) -> Callable[[View], View]:
        """Return a decorator: the guard raises unless the actor may call the view, and runs before anything is read.

        The document says what it needs as `x-needs`.
        """

        def decorator(view: View) -> View:
            vars(view)["_guard"] = guard
            return self.doc(**{"x-needs": guard.needs})(view)

        return decorator

    def idempotent(self, view: Callable[..., Response]) -> Callable[..., Response]:
        """Return the view answering a repeated request with the same Idempotency-Key as the first time."""
        return self.doc(parameters=[idempotency.PARAMETER])(idempotency.idempotent(view))

    def arguments(self, schema: Schema | type[Schema], **options: Any) -> Callable[[View], View]:
        """Return the decorator that loads arguments; of a class, one instance serves all requests."""
        decorator: Callable[[View], View] = super().arguments(
            schema() if isinstance(schema, type) else schema, **options
        )
        return decorator

    # What follows writes where smorest keeps its notes on a view. Its own decorators wrap the view each time, which
    # every request pays for, and copy all notes with the schemas in them, which every build pays for.

    def answers(
        self, status: int, schema: Schema | type[Schema] | None = None, **options: Any
    ) -> Callable[[View], View]:
        """Return a decorator that documents the answer of a view which makes its Response itself."""

        def decorator(view: View) -> View:
            vars(view)["_apidoc"] = self.response(status, schema, **options)(view)._apidoc
            return view

        return decorator

    def fails(self, *statuses: int) -> Callable[[View], View]:
        """Return a decorator that documents the failures a view may answer with."""

        def decorator(view: View) -> View:
            responses = _notes(view).setdefault("response", {}).setdefault("responses", {})
            for status in statuses:
                responses.setdefault(status, []).append(http.HTTPStatus(status).name)
            return view

        return decorator

    def doc(self, **options: Any) -> Callable[[View], View]:
        """Return a decorator that adds to the document of a view."""

        def decorator(view: View) -> View:
            _notes(view).setdefault("manual_doc", {}).update(options)
            return view

        return decorator

    @staticmethod
    def _prepare_response_content(data: Any) -> dict[str, Any]:
        body = {"success": True, "data": data, "message": "OK", "timestamp": seconds_stamp()}
        if isinstance(data, list):  # the lists of the system are short and come whole
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


def _notes(view: Callable[..., Any]) -> dict[str, Any]:
    """Return the dict in which smorest keeps what it documents of a view."""
    notes: dict[str, Any] = vars(view).setdefault("_apidoc", {})
    return notes
