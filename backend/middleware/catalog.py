"""Chooses the Catalog of a request: the definitions that were in force when it began."""

from wsgiref.types import WSGIEnvironment

from backend.middleware.app import CATALOG, App
from backend.middleware.authentication import IDENTITY
from backend.models.database import DATABASE_ERRORS


def choose_catalog(app: App, environ: WSGIEnvironment) -> None:
    """Set the Catalog of a request: that of the generation that was read with its Identity.

    The request keeps it until it ends. If the database fails, the error is stored in the Identity, and views that need
    the caller raise it.
    """
    identity, catalog = environ[IDENTITY], app.catalogs.newest
    if identity.generation not in (None, catalog.generation):
        try:
            catalog = app.catalogs.after(catalog, identity.generation)
        except DATABASE_ERRORS as error:
            environ[IDENTITY] = identity._replace(failure=error)
    environ[CATALOG] = catalog
