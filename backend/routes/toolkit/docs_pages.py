"""Swagger UI at `/docs`, and access to it and to the OpenAPI document."""

import base64
import hashlib
import re
from collections.abc import Callable
from functools import cache, wraps
from typing import Any

from flask import Flask
from flask_swagger_ui import get_swaggerui_blueprint

from backend.middleware.app import App
from backend.middleware.guards import signed_in_actor
from backend.middleware.paths import DOCS_PATH, DOCUMENT_PATH

DOCUMENT_ENDPOINTS = ("api-docs.openapi_json", "swagger_ui.show", "docs")


def init_app(app: App) -> None:
    """Serve Swagger UI. Without `public_docs`, it and the OpenAPI document need a sign-in.

    The OpenAPI document must be registered before.
    """
    _add_pages(app, app.settings.public_path)
    if not app.settings.public_docs:
        for endpoint in DOCUMENT_ENDPOINTS:
            app.view_functions[endpoint] = _for_signed_in(app.view_functions[endpoint])


@cache
def script_hashes(public_path: str) -> str:
    """Return the hashes of the scripts in the page at `/docs`, as a Content-Security-Policy lists them."""
    app = Flask(__name__)
    _add_pages(app, public_path)
    page = app.test_client().get(DOCS_PATH).text
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    return " ".join(f"'sha256-{digest}'" for digest in digests)


def _add_pages(app: Flask, public_path: str) -> None:
    # Without these, Swagger UI would build a URL from the Host header, and send the document to an online validator.
    config = {"app_name": "Larder API", "oauth2RedirectUrl": "", "validatorUrl": None}
    pages = get_swaggerui_blueprint(f"{public_path}{DOCS_PATH}", f"{public_path}{DOCUMENT_PATH}", config=config)
    app.register_blueprint(pages, url_prefix=DOCS_PATH)
    app.add_url_rule(DOCS_PATH, "docs", app.view_functions["swagger_ui.show"])


def _for_signed_in(view: Callable[..., Any]) -> Callable[..., Any]:
    """Return a view that needs a sign-in: a token, an API key or a cookie."""

    @wraps(view)
    def guarded(**arguments: Any) -> Any:
        signed_in_actor()
        return view(**arguments)

    return guarded
