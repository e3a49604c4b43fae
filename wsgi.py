"""The entry point: `flask run` and WSGI servers use `app`; `python wsgi.py` serves it with waitress."""

import sys

from backend import create_app, server
from backend.config.settings import SettingsError, read_settings

try:
    settings = read_settings()
    app = create_app(settings)
except SettingsError as error:
    sys.exit(f"Larder cannot start with these settings:\n{error}")

if __name__ == "__main__":
    server.run(app, settings)
