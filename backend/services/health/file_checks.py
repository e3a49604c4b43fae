"""The check of `flask doctor` that compares the storage of files with their rows; it needs a connection."""

from io import BytesIO

from backend.config.settings import Settings
from backend.models.file import File
from backend.services.files.comparison import find_missing, list_stored
from backend.services.files.storage import storage
from backend.services.health.check import FAILURE, OK, WARNING, Check
from backend.utils.ids import uuid7

MAX_NAMED = 3  # files that are not stored
ADVICE = "Check LARDER_FILES: until then, files can be neither uploaded nor downloaded."


def check_storage(settings: Settings, seconds: float | None) -> Check:
    """Check that files can be stored, and that no file is missing. It takes about `seconds`, None for no limit."""
    number = File.select().count()
    try:
        _store_probe()
        return _compare(settings, number, seconds) if number else Check("storage", OK, "Files can be uploaded.")
    except OSError as error:
        return Check("storage", FAILURE, f"The storage of files cannot be used: {error}.", ADVICE)


def _store_probe() -> None:
    """Store a file and delete it. Raises OSError."""
    file_id = uuid7()
    storage.save(file_id, BytesIO(b"probe"))
    storage.delete([file_id])


def _compare(settings: Settings, number: int, seconds: float | None) -> Check:
    stored = list_stored(seconds)
    if missing := find_missing(stored):
        message = f"{len(missing):,} files are not in {settings.files}, such as {', '.join(missing[:MAX_NAMED])}."
        return Check("storage", FAILURE, message, "Restore them from a backup, or upload them and set them again.")
    if stored.has_too_many_orphans:
        message = f"{len(stored.orphans):,} files in {settings.files} have no row, so none of them is deleted."
        return Check("storage", WARNING, message, "Give each installation a folder or bucket of its own.")
    if not stored.is_complete:
        advice = "Run `flask doctor` on the machine, which has no time limit."
        return Check("storage", OK, f"There are {number:,} files; the latest are stored.", advice)
    left = f" {len(stored.orphans):,} more have no row and are deleted next night." if stored.orphans else ""
    return Check("storage", OK, f"All {number:,} files are stored.{left}")
