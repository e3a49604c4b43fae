"""The API, and its OpenAPI document, which shows what the actor may use."""

import threading

from flask import Response, current_app
from flask_caching import Cache
from flask_smorest import Api as SmorestApi
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as WerkzeugResponse

from backend.middleware.authentication import actor_or_public
from backend.middleware.errors import http_error_response
from backend.middleware.guards import signed_in_actor
from backend.middleware.paths import API, DOCUMENT_PATH, STREAM_PATH
from backend.routes.toolkit import document_narrowing as narrowing
from backend.routes.toolkit.app import Larder
from backend.routes.toolkit.blueprint import Blueprint
from backend.routes.toolkit.document_pieces import Piece, join_pieces
from backend.routes.toolkit.document_writer import Writer
from backend.routes.toolkit.resource_routes import MAX_PIECES
from backend.services.access.actors import Actor
from backend.services.definitions.catalog import Catalog, Resource
from backend.services.operation.metrics import metrics
from backend.utils.version import VERSION

FEED_PATHS = (f"{API}/changes", STREAM_PATH)

# Cache of complete documents: one for each combination of what an actor may see, of the newest generation.
documents = Cache(config={"CACHE_TYPE": "SimpleCache", "CACHE_THRESHOLD": 4, "CACHE_DEFAULT_TIMEOUT": 0})


class Api(SmorestApi):
    """The API. Its document is joined from pieces, which are written when they are first needed.

    There is one piece for the system. Each resource has a piece for each VisiblePart of it that was requested.
    """

    def __init__(self, app: Larder) -> None:
        self._larder, self._blueprints, self._write_lock = app, list[Blueprint](), threading.Lock()
        self._generation: int | None = None
        self._writer: Writer | None = None
        self._system_piece: Piece | None = None
        documents.init_app(app)
        app.config.update(
            API_TITLE="Larder",
            API_VERSION=VERSION,
            OPENAPI_VERSION="3.1.0",
            OPENAPI_URL_PREFIX="/",
            OPENAPI_JSON_PATH=DOCUMENT_PATH,
        )
        super().__init__(app)

    def handle_http_exception(self, error: HTTPException) -> WerkzeugResponse:
        """Return the response that all errors have."""
        return http_error_response(error)

    def register_blueprint(self, blueprint: Blueprint) -> None:
        """Register a blueprint, and include it in the document."""
        self._larder.register_blueprint(blueprint)
        self._blueprints.append(blueprint)

    def _register_responses(self) -> None:
        """Do nothing: the Writer registers the responses."""

    def _openapi_json(self) -> Response:
        """Return the OpenAPI document for the actor of the request.

        Raises Unauthenticated if nobody is signed in and the setting `public_docs` requires it.
        """
        if not self._larder.settings.public_docs:
            signed_in_actor()
        document = self.document_for(actor_or_public())
        return Response(document, mimetype="application/json", headers={"Vary": "Authorization, Cookie"})

    def document_for(self, actor: Actor) -> bytes:
        """Return the OpenAPI document as JSON in UTF-8, with what an actor may see."""
        catalog = self._larder.catalog
        parts = narrowing.visible_parts(catalog, actor)
        feeds = narrowing.visible_feeds(catalog, actor)
        key = (catalog.generation, actor.is_signed_in, feeds, tuple((part.name, part.key) for part in parts))
        document: bytes | None = documents.get(key)
        metrics.count_lookup("documents", document is not None)
        if document is None:
            document = self._join(catalog, actor, parts, feeds)
            if self._generation != catalog.generation:  # documents of former generations are never needed again
                documents.clear()
                self._generation = catalog.generation
            documents.set(key, document)
        return document

    def _join(
        self, catalog: Catalog, actor: Actor, parts: list[narrowing.VisiblePart], feeds: tuple[str, ...]
    ) -> bytes:
        with self._write_lock:
            if self._system_piece is None:
                self._writer = Writer(self._larder)
                self._system_piece = Piece(self._writer.write_system(self._blueprints))
        rest = self._system_piece.changed(FEED_PATHS, lambda path: narrowing.narrow_changes(path, feeds))
        system = [rest, self._piece(catalog.people, narrowing.PeoplePart(actor.is_signed_in))]
        return join_pieces(system, [self._piece(catalog[part.name], part) for part in parts])

    def _piece(self, resource: Resource, part: narrowing.VisiblePart | narrowing.PeoplePart) -> Piece:
        """Return the Piece for a visible part of a resource; write it if it is not cached."""
        routes, key = self._larder.routes_of(resource), part.key
        with routes.lock:
            piece = routes.pieces.get(key)
            if piece is None:
                whole = Writer(self._larder, self._writer).write([routes.blueprint], routes)
                if len(routes.pieces) >= MAX_PIECES:
                    routes.pieces.clear()
                piece = routes.pieces[key] = Piece(part.narrow(whole, resource))
        return piece


def get_api() -> Api:
    """Return the Api of the app that runs this request or command."""
    api: Api = current_app.extensions["flask-smorest"]["apis"][""]["ext_obj"]
    return api
