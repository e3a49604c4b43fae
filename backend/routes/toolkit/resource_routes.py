"""The URL rules of resources. They are not among Flask's own, which are fixed after its first request."""

import threading
from collections.abc import Callable, Hashable, Iterable
from typing import Any

from werkzeug.routing import Map

from backend.middleware.paths import API
from backend.routes.toolkit.blueprint import Blueprint
from backend.routes.toolkit.document_pieces import Piece
from backend.routes.toolkit.url_rules import LazyRule
from backend.services.definitions.catalog import Catalog, Resource

DIRECTORY = "directory"
MAX_PIECES = 4  # of the OpenAPI document, kept for each resource: one for each visible part of it


class ViewRule(LazyRule):
    """A URL rule with its view; Flask keeps the views of its own rules in `app.view_functions`."""

    view: Callable[..., Any]
    provide_automatic_options = True  # Flask responds to OPTIONS


class ResourceRoutes:
    """The URL rules, the views and the schemas of one resource, created when they are first needed.

    The object belongs to its Resource and is deleted with it, so a change of one definition does not affect others.
    """

    def __init__(self, blueprint: Blueprint) -> None:
        self.blueprint, self.url_map = blueprint, Map(merge_slashes=False)
        self.pieces: dict[Hashable, Piece] = {}  # of the OpenAPI document; openapi.py fills it under this lock
        self.lock = threading.Lock()
        state = blueprint.make_setup_state(self, {}, first_registration=True)
        for register in blueprint.deferred_functions:
            register(state)

    def add_url_rule(
        self, rule: str, endpoint: str, view_func: Callable[..., Any], *, methods: Iterable[str] = ("GET",), **_: Any
    ) -> None:
        """Add a URL rule; the blueprint calls this as if it were registered with an app."""
        view_rule = ViewRule(rule, endpoint=endpoint, methods={*methods, "OPTIONS"}, defaults={})
        view_rule.view = view_func
        self.url_map.add(view_rule)


def addressed_resource(catalog: Catalog, path: str) -> Resource | None:
    """Return the Resource that a path such as `/api/v1/<name>/…` names, or None; `directory` names the users."""
    if not path.startswith(API + "/"):
        return None
    name = path[len(API) + 1 :].partition("/")[0]
    # A resource of this name may be older than the directory.
    return catalog.people if name == DIRECTORY and name not in catalog else catalog.get(name)
