"""`flask run`: the development server."""

import dataclasses
from functools import partial
from typing import Any

import click
import flask.cli
from click.core import ParameterSource
from werkzeug.serving import is_running_from_reloader, run_simple

from backend.config.settings import Settings
from backend.config.start import StartError, listen
from backend.middleware.announcement import announce
from backend.middleware.app import App
from backend.services.operation.jobs import jobs


def init_app(app: App) -> None:
    """Let `flask run` listen on LARDER_HOST and LARDER_PORT unless its options differ, and print the addresses.

    Flask has already read the options when it loads the app, and the app cannot replace the command. So this replaces
    the function that the command calls to start the server.
    """
    flask.cli.run_simple = partial(_run, app.settings)  # type: ignore[attr-defined]


def _run(settings: Settings, host: str, port: int, app: Any, **options: Any) -> None:
    """Run the development server, with the background jobs; `host`, `port` and `options` are those of the command."""
    source = click.get_current_context().get_parameter_source
    host = settings.host if source("host") is ParameterSource.DEFAULT else host
    port = settings.port if source("port") is ParameterSource.DEFAULT else port
    if not is_running_from_reloader():
        listening = dataclasses.replace(settings, host=host, port=port)
        _check_address(listening)
        announce(settings, listening.own_url.replace("http", "https" if options["ssl_context"] else "http", 1))
    if settings.jobs == "inline" and (is_running_from_reloader() or not options["use_reloader"]):
        jobs.start_consumer()
    run_simple(host, port, app, **options)


def _check_address(settings: Settings) -> None:
    """Raise ClickException if the address cannot be used; werkzeug's own message names no setting."""
    try:
        listen(settings).close()
    except StartError as error:
        raise click.ClickException(str(error)) from error
