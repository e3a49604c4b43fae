"""The definitions that a request runs on: those of the generation that was in the database when it began."""

from wsgiref.types import WSGIEnvironment

from backend.middleware.app import CATALOG, App
from backend.middleware.authentication import IDENTITY
from backend.models.database import DATABASE_ERRORS


def choose_catalog(app: App, environ: WSGIEnvironment) -> None:
    """Give a request the Catalog of the generation that its Identity was read with, and finish with it.

    A failure of the database is kept in the Identity, for views that need to know who calls.
    """
    identity, catalog = environ[IDENTITY], app.catalogs.newest
    if identity.generation not in (None, catalog.generation):
        try:
            catalog = app.catalogs.after(catalog, identity.generation)
        except DATABASE_ERRORS as error:
            environ[IDENTITY] = identity._replace(failure=error)
    environ[CATALOG] = catalog
