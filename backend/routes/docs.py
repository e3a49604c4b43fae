"""The page at `/docs`: a sign-in, and the OpenAPI document of the caller in Swagger UI."""

from pathlib import Path

import flask_swagger_ui
from flask import Blueprint, Response, send_from_directory

from backend.middleware.paths import DOCS_PATH
from backend.routes.toolkit.pages import FOLDER, show_page

SWAGGER_FOLDER = Path(flask_swagger_ui.__file__).parent / "dist"
OWN_FILES = ("docs.js", "page.css")

blp = Blueprint("swagger_ui", __name__, url_prefix=DOCS_PATH)


@blp.get("")
@blp.get("/")
def show_docs() -> Response:
    """Return the page, which is the same for everybody: its script loads the document"""
    return show_page("docs.html")


@blp.get("/<path:path>")
def send_file(path: str) -> Response:
    """Return a style sheet or a script of the pages, or a file of Swagger UI"""
    return send_from_directory(FOLDER if path in OWN_FILES else SWAGGER_FOLDER, path)
