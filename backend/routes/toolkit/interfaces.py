"""Serves a resource over HTTP beside Flask's own rules, which are fixed once the first request has come."""

import threading
from collections.abc import Callable, Hashable, Iterable
from typing import Any

from werkzeug.routing import Map

from backend.middleware.paths import API
from backend.routes.toolkit.blueprint import Blueprint
from backend.routes.toolkit.document_pieces import Piece
from backend.routes.toolkit.url_rules import LazyRule
from backend.services.definitions.catalog import Catalog, Resource

MAX_PIECES = 4  # of the document, kept for each resource, one for each set of what an actor may see


class ViewRule(LazyRule):
    """A URL rule that knows its view."""

    view: Callable[..., Any]
    provide_automatic_options = True  # Flask answers OPTIONS


class Interface:
    """The URL rules, the views and the schemas of one resource, made when they are first needed.

    They belong to the Resource and are deleted with it, so a change of one definition leaves those of all others as
    they are.
    """

    def __init__(self, blueprint: Blueprint) -> None:
        self.blueprint, self.url_map = blueprint, Map(merge_slashes=False)
        self.pieces: dict[Hashable, Piece] = {}  # of the OpenAPI document, see routes/toolkit/openapi.py
        self.lock = threading.Lock()  # of the pieces
        state = blueprint.make_setup_state(self, {}, first_registration=True)
        for register in blueprint.deferred_functions:
            register(state)

    def add_url_rule(
        self, rule: str, endpoint: str, view_func: Callable[..., Any], *, methods: Iterable[str] = ("GET",), **_: Any
    ) -> None:
        """Take a rule from the blueprint, as an app would."""
        made = ViewRule(rule, endpoint=endpoint, methods={*methods, "OPTIONS"}, defaults={})
        made.view = view_func
        self.url_map.add(made)


def addressed_resource(catalog: Catalog, path: str) -> Resource | None:
    """Return the Resource of the catalog that a path is about, or None."""
    if not path.startswith(API + "/"):
        return None
    return catalog.get(path[len(API) + 1 :].partition("/")[0])
