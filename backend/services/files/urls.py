"""The paths that files are downloaded from, such as `/api/v1/places/<record id>/photo`."""

from backend.config.settings import Settings
from backend.utils.api_path import API


class FileUrls:
    """How the paths of files begin."""

    prefix: str = API

    def open(self, settings: Settings) -> None:
        """Take the path that Larder is reached under from the settings."""
        self.prefix = f"{settings.public_path}{API}"


file_urls = FileUrls()
