"""What this installation supports of files: how large they may be, and whether thumbnails can be drawn."""

from importlib.util import find_spec

from backend.config.settings import Settings

NEEDS_PILLOW = "Thumbnails need Pillow: install requirements-thumbnails.lock on the server."


class FileSupport:
    """What definitions can declare."""

    max_bytes: int = Settings.max_file_bytes

    def open(self, settings: Settings) -> None:
        """Take the limit from the settings."""
        self.max_bytes = settings.max_file_bytes

    @property
    def draws_thumbnails(self) -> bool:
        """Whether Pillow is installed."""
        return find_spec("PIL") is not None


file_support = FileSupport()
