"""The entry point: `flask run` and WSGI servers use `app`; `python wsgi.py` serves it with waitress."""

import os
import signal
import sys

import structlog

from backend import create_app, server
from backend.config.checks import SettingsError
from backend.config.reading import read_settings
from backend.config.start import StartError, cannot_use_database
from backend.models.database import DATABASE_ERRORS

os.umask(0o077)  # all files made here, databases and backups above all, are readable by their owner only

if __name__ == "__main__":
    # Until the server sets its own: a container's process 1 would ignore the signal, and wait to be killed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())

try:
    settings = read_settings()
    # Before anything is written: a start that ends here leaves nothing behind.
    listener = server.take_port(settings) if __name__ == "__main__" else None
    app = create_app(settings)
    if listener:
        server.run(app, settings, listener)
except SettingsError as error:
    sys.exit(f"Larder cannot start with these settings:\n{error}")
except StartError as error:
    sys.exit(str(error))
except DATABASE_ERRORS as error:
    structlog.get_logger().debug("the start failed", exc_info=error)
    sys.exit(str(cannot_use_database(settings, error)))
