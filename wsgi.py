"""The entry point: `flask run` and WSGI servers use `app`; `python wsgi.py` serves it with waitress."""

import sys

from peewee import OperationalError

from backend import create_app, server
from backend.config.settings import SettingsError, read_settings

try:
    settings = read_settings()
    app = create_app(settings)
except SettingsError as error:
    sys.exit(f"Larder cannot start with these settings:\n{error}")
except OperationalError as error:
    sys.exit(f"Larder cannot reach its database:\n{error}")

if __name__ == "__main__":
    server.run(app, settings)
