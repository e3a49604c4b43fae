"""Renames tables."""

from collections.abc import Mapping

from backend.models.database import database

TEMPORARY = "larder__{}"  # a column or a table until its new name is free; no resource and no field has such a name


def rename_tables(new_names: Mapping[str, str]) -> None:
    """Rename tables, a map of old to new name; two may swap their names. Foreign keys follow."""
    for number, old_name in enumerate(new_names):
        rename_table(old_name, TEMPORARY.format(number))
    for number, new_name in enumerate(new_names.values()):
        rename_table(TEMPORARY.format(number), new_name)


def rename_table(old_name: str, new_name: str) -> None:
    """Rename a table; foreign keys follow."""
    database.execute_sql(f'ALTER TABLE "{old_name}" RENAME TO "{new_name}"')
