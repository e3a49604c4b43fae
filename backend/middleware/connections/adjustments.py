"""What the server is told of its settings."""

from copy import copy
from typing import Self

from waitress.adjustments import Adjustments

from backend.config.settings import Settings
from backend.middleware.headers import RefusalHeaders


class ServerAdjustments(Adjustments):
    """The adjustments of waitress for most requests; beside them those for imports, whose bodies may be larger."""

    of_imports: Self
    of_others: Self
    refusal_headers: RefusalHeaders


def adjust(settings: Settings) -> ServerAdjustments:
    """Return the adjustments that the settings make."""
    adjustments = ServerAdjustments(
        threads=settings.threads,
        ident="Larder",
        # The app refuses a body over the limit in the one shape; waitress's own limit is the backstop.
        max_request_body_size=settings.max_body_bytes,
        # Which forwarded headers to believe is decided in one place, middleware/client_address.py.
        clear_untrusted_proxy_headers=False,
    )
    adjustments.of_imports = copy(adjustments)
    adjustments.of_imports.of_others = adjustments
    adjustments.of_imports.max_request_body_size = settings.max_import_bytes
    adjustments.refusal_headers = RefusalHeaders(settings)
    return adjustments
