"""`flask backup`: backups of the database."""

import click
from flask.cli import AppGroup
from rich.console import Console
from rich.filesize import decimal
from rich.table import Column, Table

from backend.cli.output import error_messages
from backend.middleware.app import get_app
from backend.services.access.actors import SYSTEM
from backend.services.backups import backups, pruning, restores
from backend.services.backups.file_copies import lacking_message

commands = AppGroup("backup", help="Backups of the database.")


@commands.command("create", epilog="Example: flask backup create")
def create_backup() -> None:
    """Create a backup while others read and write.

    Uploaded files that have no copy yet are copied. The last line printed is the path of the backup.
    """
    settings = get_app().settings
    with error_messages():
        backup = backups.create_backup(settings, SYSTEM)
    if backup.missing_files:
        click.echo(f"Warning: {lacking_message(backup.missing_files)} The backup is without them.", err=True)
    click.echo(settings.backup_dir / backup.name)


@commands.command("list", epilog="Example: flask backup list")
@click.option("--copies", is_flag=True, help="List the copies at LARDER_BACKUP_TARGET instead.")
def list_backups(copies: bool) -> None:
    """List the backups, the latest first.

    Their folder is LARDER_BACKUP_DIR.
    """
    if copies:
        _list_copies()
        return
    table = Table(Column("name", no_wrap=True), "size", "Larder", "database", "rows", "files")
    for backup in backups.list_backups(get_app().settings):
        table.add_row(backup.name, decimal(backup.bytes), *_manifest_cells(backup))
    Console().print(table)


def _list_copies() -> None:
    table = Table(Column("name", no_wrap=True), "size", "also in the folder")
    with error_messages():
        for copy in backups.list_copies(get_app().settings):
            table.add_row(copy.name, decimal(copy.bytes), "yes" if copy.is_in_folder else "no")
    Console().print(table)


def _manifest_cells(backup: backups.Backup) -> tuple[str, ...]:
    """Return the cells of a backup's row that its manifest fills."""
    if (manifest := backup.manifest) is None:
        return ("damaged",)
    files = f"{manifest.files:,} ({decimal(manifest.files_bytes)})"
    return manifest.version, manifest.database, f"{sum(manifest.counts.values()):,}", files


@commands.command("verify", epilog="Example: flask backup verify larder-20261123T031500000000Z.zip")
@click.argument("backup")
def verify_backup(backup: str) -> None:
    """Read a whole backup with its files, and check it.

    BACKUP is a name or a path.
    """
    with error_messages():
        manifest = backups.verify_backup(get_app().settings, backup)
    rows = sum(manifest.counts.values())
    click.echo(f"{backup} is intact: {rows:,} rows of {manifest.created_at}, Larder {manifest.version}.")


@commands.command("restore", epilog="Example: flask backup restore larder-20261123T031500000000Z.zip")
@click.argument("backup")
@click.option("--without-files", is_flag=True, help="Leave the files in the storage as they are.")
def restore_backup(backup: str, without_files: bool) -> None:
    """Replace all content with that of a backup.

    BACKUP is a name or a path. Everyone must sign in again. The backup is verified first, and the replaced content is
    kept. Files that are missing in the storage or damaged are copied from beside the backup, from the backup folder or
    from LARDER_BACKUP_TARGET. Servers can keep running.
    """
    with error_messages():
        manifest, kept = restores.restore_backup(get_app().settings, backup, without_files=without_files)
    click.echo(f"Restored {sum(manifest.counts.values()):,} rows of {manifest.created_at}.")
    if kept:
        click.echo(f"The previous content is kept as {kept}.")


@commands.command("prune", epilog="Example: flask backup prune --keep 7")
@click.option("--keep", type=click.IntRange(min=1), help="How many backups to keep; by default LARDER_BACKUP_KEEP.")
def prune_backups(keep: int | None) -> None:
    """Delete all but the latest backups, and their copies."""
    settings = get_app().settings
    with error_messages():
        deleted = pruning.prune_backups(settings, keep or settings.backup_keep)
    click.echo("\n".join(f"deleted {name}" for name in deleted) or "There are no backups to delete.")
