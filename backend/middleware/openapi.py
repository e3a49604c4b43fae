"""The OpenAPI document and the pages about it."""

import base64
import hashlib
import json
import re
import threading
from functools import cache

import marshmallow as ma
from flask import Flask, Response
from flask_caching import Cache
from flask_smorest import Api as SmorestApi
from flask_swagger_ui import get_swaggerui_blueprint

from backend.middleware import narrowing
from backend.middleware.authentication import known_actor
from backend.middleware.errors import ErrorSchema, answer_http_error
from backend.middleware.expanding import describe_expanded
from backend.services import metrics
from backend.utils.version import VERSION

DOCUMENT_PATH, DOCS_PATH = "/openapi.json", "/docs"
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


# One for each set of fields that somebody may see; those of a build go with it.
documents = Cache(config={"CACHE_TYPE": "SimpleCache", "CACHE_THRESHOLD": 32, "CACHE_DEFAULT_TIMEOUT": 0})


class OneOf(ma.fields.Raw):
    """An object that is described by one of several schemas; which one, its `type` tells."""

    def __init__(self, schemas, **options):
        super().__init__(**options)
        self.schemas = schemas


def one_of(converter, field, **_):
    """Return what the document says of a OneOf; apispec has no words for it."""
    if not isinstance(field, OneOf):
        return {}
    described = [converter.resolve_nested_schema(schema) for schema in field.schemas]
    return {"oneOf": described, "discriminator": {"propertyName": "type"}}


def property_names(converter, field, **_):
    """Return the pattern that a Dict's keys have; apispec documents only its values."""
    if not isinstance(field, ma.fields.Dict) or field.key_field is None:
        return {}
    pattern = field.key_field.metadata.get("pattern")
    return {"propertyNames": {"pattern": pattern}} if pattern else {}


class Api(SmorestApi):
    """The API of one build; its document is written when first asked for, so that a build need not wait for it."""

    ERROR_SCHEMA = ErrorSchema

    def __init__(self, app):
        self._document, self._blueprints, self._writing = None, [], threading.Lock()
        documents.init_app(app)
        app.config.update(
            API_TITLE="Larder",
            API_VERSION=VERSION,
            OPENAPI_VERSION="3.1.0",
            OPENAPI_URL_PREFIX="/",
            OPENAPI_JSON_PATH=DOCUMENT_PATH,
        )
        super().__init__(app, spec_kwargs={"info": {"description": DESCRIPTION}, "security": SIGN_IN})
        for described in (one_of, property_names, describe_expanded):
            self.ma_plugin.converter.add_attribute_function(described)
        self.spec.components.security_scheme("bearer", BEARER)
        self.spec.components.security_scheme("cookie", COOKIE | {"name": app.config["JWT_ACCESS_COOKIE_NAME"]})

    def handle_http_exception(self, error):
        """Answer with the one shape."""
        return answer_http_error(error)

    def register_blueprint(self, blueprint):
        """Register a blueprint and remember to document it."""
        self._app.register_blueprint(blueprint)
        self._blueprints.append(blueprint)

    def _openapi_json(self):
        """Serve the OpenAPI document, as it is for whoever asks."""
        view = narrowing.view_of(self._app.catalog, known_actor())
        document = documents.get(view)
        metrics.count_lookup("documents", document is not None)
        if document is None:
            document = self._document_for(view)
            documents.set(view, document)
        return Response(document, mimetype="application/json", headers={"Vary": "Authorization, Cookie"})

    def _document_for(self, view):
        with self._writing:
            if self._document is None:
                self._document = self._write_document()
        if not any(hidden or locked for _, hidden, locked in view):
            return self._document
        document = json.loads(self._document)
        narrowing.narrow(document, self._app.catalog, view)
        return json.dumps(document, ensure_ascii=False)

    def _register_responses(self):
        """Leave the answers of every status to the writing: they would take half the time of a small build."""

    def _write_document(self):
        super()._register_responses()
        for blueprint in self._blueprints:
            blueprint.register_views_in_doc(self, self._app, self.spec, name=blueprint.name, parameters=None)
            self.spec.tag({"name": blueprint.name, "description": blueprint.description})
        return json.dumps(self.spec.to_dict(), ensure_ascii=False)


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
    return api


def _add_docs(app):
    # An address of its own making would be built from the Host header, and a validator be asked on the internet.
    config = {"app_name": "Larder API", "oauth2RedirectUrl": "", "validatorUrl": None}
    app.register_blueprint(get_swaggerui_blueprint(DOCS_PATH, DOCUMENT_PATH, config=config))
    app.add_url_rule(DOCS_PATH, "docs", app.view_functions["swagger_ui.show"])
