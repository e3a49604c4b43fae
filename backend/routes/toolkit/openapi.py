"""The OpenAPI document and the pages about it."""

import base64
import hashlib
import re
import threading
from functools import cache, wraps

from flask import Flask, Response
from flask_caching import Cache
from flask_smorest import Api as SmorestApi
from flask_smorest.spec import APISpecMixin
from flask_swagger_ui import get_swaggerui_blueprint
from marshmallow import fields

from backend.middleware.authentication import known_actor, signed_in_actor
from backend.middleware.errors import ErrorSchema, answer_http_error
from backend.middleware.paths import DOCS_PATH, DOCUMENT_PATH
from backend.routes.toolkit import narrowing
from backend.routes.toolkit.document_pieces import Piece, join
from backend.routes.toolkit.expanding import describe_expanded
from backend.routes.toolkit.interfaces import MAX_PIECES
from backend.services.definitions.schema import FieldDeclaration
from backend.services.operation.metrics import metrics
from backend.utils.version import VERSION

SIGN_IN = [{"bearer": []}, {"cookie": []}]
OPTIONAL_SIGN_IN = [{}, *SIGN_IN]
NO_SIGN_IN = []
BEARER = {"type": "http", "scheme": "bearer", "description": "An access token, or an API key"}
COOKIE = {
    "type": "apiKey",
    "in": "cookie",
    "description": "A sign-in with `cookies`; calls that may change something repeat the cookie `csrf_access_token` in "
    "the header `X-CSRF-TOKEN`",
}

DESCRIPTION = """Every success is `{"success": true, "data": …, "message": …, "timestamp": …}`, a list with `meta`
beside `data`; every failure is `{"success": false, "error": {"code", "message", "details"}, "timestamp": …}`. Unknown
query parameters and unknown fields of a body are refused, and so is the character NUL in any text. Sign in at
`/api/v1/auth/login` and send the access token as `Authorization: Bearer`."""


# Joined from the pieces of the resources: one for each set of what somebody may see, of the newest generation.
documents = Cache(config={"CACHE_TYPE": "SimpleCache", "CACHE_THRESHOLD": 4, "CACHE_DEFAULT_TIMEOUT": 0})


def describe_declaration(converter, field, **_):
    """Return the description of the declaration of a field: one schema for each type."""
    if not isinstance(field, FieldDeclaration):
        return {}
    described = [converter.resolve_nested_schema(schema) for schema in field.schemas]
    return {"oneOf": described, "discriminator": {"propertyName": "type"}}


def property_names(converter, field, **_):
    """Return the pattern that a Dict's keys have; apispec documents only its values."""
    if not isinstance(field, fields.Dict) or field.key_field is None:
        return {}
    pattern = field.key_field.metadata.get("pattern")
    return {"propertyNames": {"pattern": pattern}} if pattern else {}


class Writer(APISpecMixin):
    """Writes the part of the document that is about some blueprints.

    The answers of every status are the same for all, and to make them takes as long as a small resource: another Writer
    takes those of the first.
    """

    ERROR_SCHEMA = ErrorSchema

    def __init__(self, app, first=None):
        self._first, self.answers = first, {}
        self._app, self._fields, self._converters, self.config_prefix = app, [], [], ""
        self.config = app.config
        self._init_spec(info={"description": DESCRIPTION}, security=SIGN_IN)
        for described in (describe_declaration, property_names, describe_expanded):
            self.ma_plugin.converter.add_attribute_function(described)
        self.spec.components.security_scheme("bearer", BEARER)
        self.spec.components.security_scheme("cookie", COOKIE | {"name": app.config["JWT_ACCESS_COOKIE_NAME"]})

    def _register_responses(self):
        waiting = self.spec.components.responses_lazy
        if self._first is None:
            super()._register_responses()
            self.answers.update(waiting)
        else:
            waiting.update(self._first.answers)

    def write(self, blueprints, owner):
        """Return the document of these blueprints as a dict; `owner.url_map` has their rules."""
        for blueprint in blueprints:
            blueprint.register_views_in_doc(self, owner, self.spec, name=blueprint.name, parameters=None)
            self.spec.tag({"name": blueprint.name, "description": blueprint.description})
        return self.spec.to_dict()


class Api(SmorestApi):
    """The API; its document is put together from pieces that are written when they are first asked for.

    There is one piece for the system, and for each resource one for each set of what somebody may see of it.
    """

    def __init__(self, app):
        self._blueprints, self._writing, self._generation = [], threading.Lock(), None
        self._writer = self._system = None
        documents.init_app(app)
        app.config.update(
            API_TITLE="Larder",
            API_VERSION=VERSION,
            OPENAPI_VERSION="3.1.0",
            OPENAPI_URL_PREFIX="/",
            OPENAPI_JSON_PATH=DOCUMENT_PATH,
        )
        super().__init__(app)

    def handle_http_exception(self, error):
        """Answer with the one shape."""
        return answer_http_error(error)

    def register_blueprint(self, blueprint):
        """Register a blueprint and remember to document it."""
        self._app.register_blueprint(blueprint)
        self._blueprints.append(blueprint)

    def _register_responses(self):
        """Leave the answers of every status to the Writer."""

    def _openapi_json(self):
        """Serve the OpenAPI document, as it is for whoever asks."""
        catalog = self._app.catalog
        seen = narrowing.views_of(catalog, known_actor())
        key = (catalog.generation, tuple((view.name, view.key) for view in seen))
        document = documents.get(key)
        metrics.count_lookup("documents", document is not None)
        if document is None:
            document = self._join(catalog, seen)
            if self._generation != catalog.generation:  # nobody asks for those of former generations
                documents.clear()
                self._generation = catalog.generation
            documents.set(key, document)
        return Response(document, mimetype="application/json", headers={"Vary": "Authorization, Cookie"})

    def _join(self, catalog, seen):
        with self._writing:
            if self._system is None:
                self._writer = Writer(self._app)
                self._system = Piece(self._writer.write(self._blueprints, self._app))
        return join([self._system, *(self._piece(catalog[view.name], view) for view in seen)])

    def _piece(self, resource, view):
        """Return the Piece of a resource for a view of it; one that is kept if there is one."""
        interface = self._app.interface(resource)
        with interface.lock:
            piece = interface.pieces.get(view.key)
            if piece is None:
                written = Writer(self._app, self._writer).write([interface.blueprint], interface)
                narrowing.narrow(written, resource, view)
                if len(interface.pieces) >= MAX_PIECES:
                    interface.pieces.clear()
                piece = interface.pieces[view.key] = Piece(written)
        return piece


@cache
def docs_scripts():
    """Return the hashes of the scripts in the page of the documentation, as a Content-Security-Policy lists them."""
    app = Flask(__name__)
    _add_docs(app)
    page = app.test_client().get(DOCS_PATH).text
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    return " ".join(f"'sha256-{digest}'" for digest in digests)


def init_app(app):
    """Serve the document and Swagger UI; return the Api to register blueprints with."""
    api = Api(app)
    _add_docs(app)
    if not app.settings.public_docs:
        for endpoint in ("api-docs.openapi_json", "swagger_ui.show", "docs"):
            app.view_functions[endpoint] = _for_signed_in(app.view_functions[endpoint])
    return api


def _for_signed_in(view):
    """Return the view, which asks for a sign-in with a token, a key or a cookie."""

    @wraps(view)
    def guarded(**arguments):
        signed_in_actor()
        return view(**arguments)

    return guarded


def _add_docs(app):
    # An address of its own making would be built from the Host header, and a validator be asked on the internet.
    config = {"app_name": "Larder API", "oauth2RedirectUrl": "", "validatorUrl": None}
    app.register_blueprint(get_swaggerui_blueprint(DOCS_PATH, DOCUMENT_PATH, config=config))
    app.add_url_rule(DOCS_PATH, "docs", app.view_functions["swagger_ui.show"])
