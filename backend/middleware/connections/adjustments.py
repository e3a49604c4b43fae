"""The adjustments of waitress that follow from the settings."""

from copy import copy
from typing import Self

from waitress.adjustments import Adjustments

from backend.config.settings import Settings
from backend.middleware.headers import RefusalHeaders


class ServerAdjustments(Adjustments):
    """The adjustments of waitress: one object for imports, whose bodies may be larger, one for the rest."""

    for_imports: Self
    for_others: Self
    refusal_headers: RefusalHeaders


def adjust(settings: Settings) -> ServerAdjustments:
    """Return the adjustments for most requests; `for_imports` has those for imports."""
    adjustments = ServerAdjustments(
        threads=settings.threads,
        ident="Larder",
        # The parser refuses larger bodies.
        max_request_body_size=settings.max_body_bytes,
        # Forwarded headers are read in one place, middleware/client_address.py.
        clear_untrusted_proxy_headers=False,
    )
    adjustments.for_imports = copy(adjustments)
    adjustments.for_imports.for_others = adjustments
    adjustments.for_imports.max_request_body_size = settings.max_import_bytes
    adjustments.refusal_headers = RefusalHeaders(settings)
    return adjustments
