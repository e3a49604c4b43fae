"""What a server prints when it starts to answer."""

from contextlib import suppress

from backend.config.settings import Settings
from backend.middleware.paths import ADMIN_PATH, API, DOCS_PATH


def announce(settings: Settings, base: str) -> None:
    """Print the addresses of the API and of its pages; `base` is the URL that the server listens on."""
    say(f"Larder answers at {base}{API}, its documentation is at {base}{DOCS_PATH}")
    if settings.admin:
        say(f"Its admin page is at {base}{ADMIN_PATH}")
    if settings.allows_local_origins:
        say("Pages of this machine may call it from any port, because LARDER_PUBLIC_URL is not set")


def say(line: str) -> None:
    """Print a line on standard output; if nobody reads it, do nothing."""
    with suppress(OSError):
        print(line, flush=True)
