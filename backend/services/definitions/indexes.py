"""The indexes of a resource's table: those that its definition declares, and those that it implies.

Each that is not unique ends with `id`, which breaks the ties of every order, so that filter, order and cursor are one
range of it. They bear the names of their table and columns, so what is renamed gets new ones.
"""

from collections.abc import Iterable
from typing import NamedTuple

from backend.models.database import database
from backend.models.records import index_name
from backend.services.definitions.catalog import load_definitions
from backend.services.definitions.changes import Alteration
from backend.services.definitions.definition import Definition


class Index(NamedTuple):
    """The columns of an index, and whether their values together are unique."""

    columns: tuple[str, ...]
    is_unique: bool


def wanted_indexes(definition: Definition) -> dict[str, Index]:
    """Return the indexes of a table by name."""
    found = [Index(columns, True) for columns in definition.unique_sets()]
    found += [Index((*columns, "id"), False) for columns in (*definition.index_sets(), *definition.implied_sets())]
    return {index_name(definition.name, each.columns, unique=each.is_unique): each for each in found}


def lasting_indexes(change: Alteration) -> set[str]:
    """Return the names of the indexes that stay as they are."""
    moved = {*change.converted, *(name for name, _ in change.renamed), *change.added}
    old, new = wanted_indexes(change.old), wanted_indexes(change.new)
    return {name for name, index in new.items() if name in old and not moved & set(index.columns)}


def drop_indexes(names: Iterable[str]) -> None:
    """Drop these indexes where they exist."""
    for name in names:
        database.execute_sql(f'DROP INDEX IF EXISTS "{name}"')


def create_indexes(definition: Definition, there: Iterable[str] = ()) -> None:
    """Create the indexes of a table, except those that exist already (`there`)."""
    for name, (columns, is_unique) in wanted_indexes(definition).items():
        if name not in there:
            listed = ", ".join(f'"{each}"' for each in columns)
            kind = "UNIQUE INDEX" if is_unique else "INDEX"
            database.execute_sql(f'CREATE {kind} "{name}" ON "{definition.name}" ({listed})')


def refresh_indexes() -> None:
    """Update the indexes of tables made by an older version; write nothing where they are up to date."""
    there = database.index_names()
    for definition in load_definitions().values():
        plain = {index_name(definition.name, each, unique=False) for each in definition.index_sets()}
        outdated, lacking = plain & there, wanted_indexes(definition).keys() - there
        if outdated or lacking:
            with database.atomic():
                drop_indexes(outdated)
                create_indexes(definition, there)
