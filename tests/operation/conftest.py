"""A database without tables."""

from pathlib import Path

import psycopg
import pytest

from backend.models.database import database
from backend.services.accounts import passwords


@pytest.fixture
def empty(settings):
    """The settings of an app whose database has no tables yet."""
    if settings.database_url.startswith("sqlite:///"):
        Path(settings.database_url.removeprefix("sqlite:///")).unlink()
    else:
        with psycopg.connect(settings.database_url, autocommit=True) as server:
            server.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    database.open(settings)
    passwords.hashing.open(settings)
    yield settings
    database.close_all()
