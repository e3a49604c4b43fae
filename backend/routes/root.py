"""The way in: `/`."""

import marshmallow as ma

from backend.middleware.authentication import anybody
from backend.middleware.paths import API, DOCS_PATH, DOCUMENT_PATH
from backend.routes.toolkit.blueprint import Blueprint
from backend.routes.toolkit.openapi import NO_SIGN_IN
from backend.utils.version import VERSION

blp = Blueprint("root", __name__, description="The way in")


class RootSchema(ma.Schema):
    """Where things are."""

    name = ma.fields.String(required=True)
    version = ma.fields.String(required=True)
    api = ma.fields.String(required=True)
    docs = ma.fields.String(required=True)
    openapi = ma.fields.String(required=True)


@blp.get("/")
@blp.guard(anybody)
@blp.response(200, RootSchema)
@blp.doc(operationId="root", security=NO_SIGN_IN)
def root():
    """Tell where the API and its documentation are"""
    return {"name": "Larder", "version": VERSION, "api": API, "docs": DOCS_PATH, "openapi": DOCUMENT_PATH}
