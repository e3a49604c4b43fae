"""The adjustments of waitress that follow from the settings."""

from copy import copy
from typing import Self

from waitress.adjustments import Adjustments

from backend.config.settings import Settings
from backend.middleware.body_limits import IMPORT_PATH, BodyLimit, limit_of_imports, limit_of_others, limit_of_uploads
from backend.middleware.headers import RefusalHeaders
from backend.middleware.paths import FILES_PATH


class ServerAdjustments(Adjustments):
    """The adjustments of waitress: one object for each limit on bodies."""

    for_imports: Self
    for_uploads: Self
    for_others: Self
    limit: BodyLimit
    streams: int
    refusal_headers: RefusalHeaders

    def of(self, path: str) -> Self:
        """Return the adjustments for the bodies of a path."""
        if IMPORT_PATH.fullmatch(path):
            return self.for_imports
        return self.for_uploads if path == FILES_PATH else self.for_others

    def limited(self, limit: BodyLimit) -> Self:
        """Return a copy with a different limit on bodies."""
        other: Self = copy(self)
        other.limit, other.max_request_body_size = limit, limit.body_bytes
        return other


def adjust(settings: Settings) -> ServerAdjustments:
    """Return the adjustments for most requests; `of` returns those of a path."""
    adjustments = ServerAdjustments(
        threads=settings.threads,
        ident="Larder",
        max_request_body_size=settings.max_body_bytes,  # see `limited`
        # Forwarded headers are read in one place, middleware/client_address.py.
        clear_untrusted_proxy_headers=False,
    )
    adjustments.streams = settings.streams
    adjustments.refusal_headers = RefusalHeaders(settings)
    # The parser refuses larger bodies.
    others = adjustments.limited(limit_of_others(settings))
    others.for_others = others
    others.for_imports = others.limited(limit_of_imports(settings))
    others.for_uploads = others.limited(limit_of_uploads(settings))
    return others
