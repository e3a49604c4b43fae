"""Logs the origins whose scripts may not call the API: browsers hide the reason from their users."""

import time
from wsgiref.types import WSGIEnvironment

import structlog

from backend.utils.texts import printable

SECONDS_BETWEEN = 3600  # two lines about the same origin
MAX_ORIGINS = 50  # that are logged within this time; clients could send any number
SHOWN_CHARACTERS = 200  # of an origin
ADVICE = "If its scripts may call the API, add it to LARDER_CORS_ORIGINS."

log = structlog.get_logger()


class RefusedOrigins:
    """The origins that were logged within SECONDS_BETWEEN."""

    def __init__(self) -> None:
        self._logged_at: dict[str, float] = {}

    def note(self, environ: WSGIEnvironment) -> None:
        """Log the origin of a request that is not allowed, unless the page has the same origin as the API."""
        origin = environ["HTTP_ORIGIN"][:SHOWN_CHARACTERS]
        if _is_own(origin, environ) or not self._is_due(origin):
            return
        log.warning("origin not allowed", origin=printable(origin, SHOWN_CHARACTERS), advice=ADVICE)

    def _is_due(self, origin: str) -> bool:
        """Return whether the origin must be logged now; then it counts as logged."""
        now = time.monotonic()
        if len(self._logged_at) >= MAX_ORIGINS:
            # A copy: other threads may add origins meanwhile.
            self._logged_at = {each: at for each, at in [*self._logged_at.items()] if now < at + SECONDS_BETWEEN}
        is_due = now >= self._logged_at.get(origin, now - SECONDS_BETWEEN) + SECONDS_BETWEEN
        if not is_due or len(self._logged_at) >= MAX_ORIGINS:
            return False
        self._logged_at[origin] = now
        return True


def _is_own(origin: str, environ: WSGIEnvironment) -> bool:
    """Return whether a page of Larder itself sent the request: browsers also send its origin with a POST."""
    if environ.get("HTTP_SEC_FETCH_SITE") == "same-origin":
        return True
    return origin.partition("://")[2] == environ.get("HTTP_HOST")
