"""Paths that both views and middleware use."""

from wsgiref.types import WSGIEnvironment

from werkzeug.wsgi import get_path_info

from backend.utils.api_path import API as API
from backend.utils.api_path import STREAM_PATH as STREAM_PATH

DOCUMENT_PATH = "/openapi.json"
DOCS_PATH = "/docs"
ACCOUNT_PATH = "/account/"
ADMIN_PATH = "/admin/"
FILES_PATH = f"{API}/files"
ASSETS_PATH = "/assets/"
HEALTH_PATH = "/health/"
LIVENESS_PATH = "/health/live"  # must not need the database
_PATH = "larder.path"  # the key in the WSGI environment


def request_path(environ: WSGIEnvironment) -> str:
    """Return the path of a request as Flask reads it: decoded, and with exactly one slash at its beginning."""
    path: str | None = environ.get(_PATH)
    if path is None:
        path = environ[_PATH] = f"/{get_path_info(environ).lstrip('/')}"
    return path
