"""Deletion of old backups, and of the copies of files that no backup lists any more."""

from datetime import timedelta
from pathlib import Path

import structlog

from backend.config.settings import Settings
from backend.services.backups import copies
from backend.services.backups.archives import unpack_list
from backend.services.backups.file_copies import prune_copies
from backend.services.backups.file_lists import listed_ids
from backend.services.backups.folder import NAME_PATTERN, backup_paths, working_folder
from backend.services.backups.places import backup_files, target_files
from backend.services.errors import Malformed
from backend.utils.clock import utcnow

BEING_COPIED = timedelta(hours=24)  # another machine may be copying files to the target, for a backup that is new

log = structlog.get_logger()


def prune_backups(settings: Settings, keep: int) -> list[str]:
    """Delete all but the `keep` latest backups, and their copies; return the names deleted from the backup folder.

    Copies of files that no kept backup lists are deleted, too. Raises Conflict while a backup or restore runs,
    Unavailable if the target does not answer.
    """
    with working_folder(settings.backup_dir) as folder:
        surplus = backup_paths(settings.backup_dir)[:-keep]
        for path in surplus:
            path.unlink(missing_ok=True)
        at_target = copies.prune(settings.backup_target, NAME_PATTERN, keep) if settings.backup_target else []
        try:
            _prune_files(settings, at_target, folder)
        except Malformed as error:  # a backup whose list cannot be read may need any of them
            log.warning("copies of files not pruned", reason=error.message)
    return [path.name for path in surplus]


def _prune_files(settings: Settings, at_target: list[str], folder: Path) -> None:
    kept, listed = backup_paths(settings.backup_dir), set[str]()
    for path in kept:
        if files := unpack_list(path, folder):
            listed |= listed_ids(files)
    prune_copies(backup_files(settings), listed, utcnow())
    if settings.backup_target and (target := target_files(settings)):
        for name in {*at_target} - {path.name for path in kept}:
            listed |= listed_ids(copies.fetch_list(settings.backup_target, name, folder))
        prune_copies(target, listed, utcnow() - BEING_COPIED)
