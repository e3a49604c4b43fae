"""The entry point, `/`, and the types of a client."""

from flask import Response, after_this_request, request
from markupsafe import Markup
from marshmallow import Schema, fields
from werkzeug.wrappers import Response as WerkzeugResponse

from backend.middleware.app import get_app
from backend.middleware.authentication import current_actor
from backend.middleware.guards import anybody, reader_of_documents
from backend.middleware.paths import ADMIN_PATH, API, DOCS_PATH, DOCUMENT_PATH
from backend.routes.toolkit.blueprint import Blueprint
from backend.routes.toolkit.openapi import get_api
from backend.routes.toolkit.pages import show_page
from backend.routes.toolkit.security import NO_SIGN_IN, OPTIONAL_SIGN_IN
from backend.routes.toolkit.typescript import client_types
from backend.utils.version import VERSION

JSON, HTML = "application/json", "text/html"
ADMIN_LINK = '<li><a href="{path}">Admin page</a> <small>Records, people and settings</small></li>\n'
TYPES = {
    "200": {
        "description": "The file",
        "headers": {"ETag": {"schema": {"type": "string"}, "description": "The version of the file"}},
        "content": {"text/plain": {"schema": {"type": "string"}}},
    },
    "304": {"description": "The file has the ETag of If-None-Match"},
}

blp = Blueprint("root", __name__, description="Where to begin")


class ApiRootSchema(Schema):
    """The paths of the API and its documentation."""

    name = fields.String(required=True)
    version = fields.String(required=True)
    api = fields.String(required=True)
    admin = fields.String(required=True, allow_none=True, metadata={"description": "Null without an admin page"})
    docs = fields.String(required=True)
    openapi = fields.String(required=True)


@blp.get("/")
@blp.guard(anybody)
@blp.response(200, ApiRootSchema)
@blp.fails(422)
@blp.doc(operationId="show_api", security=NO_SIGN_IN)
def root() -> dict[str, str | None] | Response:
    """Show the paths of the API and its documentation

    A browser gets a page with links to them.
    """
    after_this_request(_vary_by_form)
    settings = get_app().settings
    base = settings.public_path
    if request.accept_mimetypes.best_match([JSON, HTML]) == HTML:
        version = f"Larder {VERSION}" if settings.public_docs else ""
        admin = Markup(ADMIN_LINK).format(path=f"{base}{ADMIN_PATH}") if settings.admin else ""
        return show_page("root.html", name=settings.app_name or "Larder", version=version, admin=admin)
    admin_path = f"{base}{ADMIN_PATH}" if settings.admin else None
    paths = {"api": f"{base}{API}", "docs": f"{base}{DOCS_PATH}", "openapi": f"{base}{DOCUMENT_PATH}"}
    return {"name": "Larder", "version": VERSION, "admin": admin_path, **paths}


def _vary_by_form(response: Response) -> Response:
    response.vary.add("Accept")
    return response


@blp.get(f"{API}/client.ts")
@blp.guard(reader_of_documents)
@blp.fails(401)
@blp.doc(operationId="get_client_types", security=OPTIONAL_SIGN_IN, responses=TYPES)
def get_client_types() -> WerkzeugResponse:
    """Get the types of a client in TypeScript

    The file has the types of all resources that the caller may use, and no code. With If-None-Match, the answer is 304
    as long as they are the same.
    """
    text = client_types(get_api().document_for(current_actor()))
    response = Response(text, mimetype="text/plain")
    response.add_etag()
    return response.make_conditional(request)
