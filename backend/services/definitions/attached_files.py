"""Lets the files of records follow changes of definitions: to new names, and out of fields that are dropped."""

from collections.abc import Iterable

from peewee import Case, ColumnBase

from backend.models.file import File
from backend.services.definitions.changes import Alteration
from backend.services.definitions.definition import Definition
from backend.utils.clock import utcnow

Owner = tuple[str, str]  # the names of a resource and of one of its fields


def and_files_text(definition: Definition) -> str:
    """Return a text such as " and 2 files" of the files that the records of a resource have; empty without any."""
    mine = (File.resource == definition.name) & File.removed_at.is_null()
    count = File.select().where(mine).count() if definition.files else 0
    return f" and {count:,} {'file' if count == 1 else 'files'}" if count else ""


def remove_of_dropped(definition: Definition) -> None:
    """Mark the files of a resource that is dropped as removed."""
    if definition.files:
        _remove(File.resource == definition.name)


def update_for(changes: Iterable[Alteration]) -> None:
    """Mark the files of dropped fields as removed, and give those of renamed fields and resources their new names."""
    moved: dict[Owner, Owner] = {}
    for change in changes:
        new_names = {old_name: name for name, old_name in change.old_names.items()}
        for old_name in change.old.files:
            if old_name not in new_names:
                _remove(_is_of((change.old.name, old_name)))
            elif (old := (change.old.name, old_name)) != (new := (change.new.name, new_names[old_name])):
                moved[old] = new
    if moved:
        _rename(moved)


def _rename(moved: dict[Owner, Owner]) -> None:
    # In one statement, or two fields that swap their names would become one.
    resource = Case(None, [(_is_of(old), new[0]) for old, new in moved.items()])
    field = Case(None, [(_is_of(old), new[1]) for old, new in moved.items()])
    is_moved = Case(None, [(_is_of(old), 1) for old in moved], 0) == 1
    File.update(resource=resource, field=field).where(File.resource.in_({old[0] for old in moved}), is_moved).execute()


def _remove(condition: ColumnBase) -> None:
    File.update(removed_at=utcnow()).where(condition, File.removed_at.is_null()).execute()


def _is_of(owner: Owner) -> ColumnBase:
    return (File.resource == owner[0]) & (File.field == owner[1])
