"""The entry point: `/`."""

from marshmallow import Schema, fields

from backend.middleware.app import get_app
from backend.middleware.guards import anybody
from backend.middleware.paths import API, DOCS_PATH, DOCUMENT_PATH
from backend.routes.toolkit.blueprint import Blueprint
from backend.routes.toolkit.security import NO_SIGN_IN
from backend.utils.version import VERSION

blp = Blueprint("root", __name__, description="Where to begin")


class RootSchema(Schema):
    """The paths of the API and its documentation."""

    name = fields.String(required=True)
    version = fields.String(required=True)
    api = fields.String(required=True)
    docs = fields.String(required=True)
    openapi = fields.String(required=True)


@blp.get("/")
@blp.guard(anybody)
@blp.response(200, RootSchema)
@blp.doc(operationId="root", security=NO_SIGN_IN)
def root() -> dict[str, str]:
    """Show the paths of the API and its documentation"""
    paths = {"api": API, "docs": DOCS_PATH, "openapi": DOCUMENT_PATH}
    public_path = get_app().settings.public_path
    return {"name": "Larder", "version": VERSION} | {name: f"{public_path}{path}" for name, path in paths.items()}
