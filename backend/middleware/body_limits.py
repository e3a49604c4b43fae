"""How large the body of a request may be. It depends on the path; the server applies it before the app runs."""

import re
from typing import NamedTuple

from backend.config.settings import Settings
from backend.middleware.paths import FILES_PATH

IMPORT_PATH = re.compile(r"/api/v1/(?:[a-z][a-z0-9_]*/import|resources/proposal)")
FORM_BYTES = 16 << 10  # what a form has besides its file: boundaries, and the headers of the part


class BodyLimit(NamedTuple):
    """A limit on bodies: of `max_bytes`, and of `form_bytes` more if a form may contain them."""

    setting: str
    max_bytes: int
    form_bytes: int = 0

    @property
    def body_bytes(self) -> int:
        """The maximum size of the whole body."""
        return self.max_bytes + self.form_bytes

    @property
    def message(self) -> str:
        """The message for a body over the limit; it names the setting to change."""
        return f"The body is larger than {self.max_bytes:,} bytes ({self.setting})."


def limit_of_others(settings: Settings) -> BodyLimit:
    """Return the limit of most bodies."""
    return BodyLimit("LARDER_MAX_BODY_BYTES", settings.max_body_bytes)


def limit_of_imports(settings: Settings) -> BodyLimit:
    """Return the limit of files whose rows are imported."""
    return BodyLimit("LARDER_MAX_IMPORT_BYTES", settings.max_import_bytes)


def limit_of_uploads(settings: Settings) -> BodyLimit:
    """Return the limit of uploads."""
    return BodyLimit("LARDER_MAX_FILE_BYTES", settings.max_file_bytes, FORM_BYTES)


def body_limit(settings: Settings, path: str) -> BodyLimit:
    """Return the limit of the bodies of a path."""
    if IMPORT_PATH.fullmatch(path):
        return limit_of_imports(settings)
    return limit_of_uploads(settings) if path == FILES_PATH else limit_of_others(settings)
