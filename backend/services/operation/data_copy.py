"""Copies all data of an installation to another database, SQLite or Postgres, and compares the two."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

from marshmallow import ValidationError

from backend.config import checks
from backend.config.settings import Settings
from backend.models.database import DATABASE_ERRORS, Dialect, database, open_database
from backend.models.definition import StoredDefinition
from backend.models.records import build_model
from backend.models.user import User
from backend.services.definitions import feeds
from backend.services.definitions import link_tables as links
from backend.services.definitions.definition import Definition
from backend.services.definitions.schema_changes import add_foreign_keys, index_table
from backend.services.definitions.stored import load_definitions
from backend.services.errors import Conflict, Invalid
from backend.services.operation import migrations
from backend.services.operation.copied_tables import (
    Checksum,
    TableRows,
    link_tables,
    record_table,
    system_tables,
)
from backend.utils.problems import Problem

DEFINITIONS = StoredDefinition._meta.table_name
Progress = Callable[[str, int], None]  # called with the name of a table and how many of its rows are copied


class ComparedTable(NamedTuple):
    """The name of a table and its Checksum on both databases."""

    name: str
    source: Checksum
    target: Checksum

    @property
    def is_equal(self) -> bool:
        """Whether both have the same rows."""
        return self.source == self.target


def copy_data(settings: Settings, url: str, progress: Progress) -> list[ComparedTable]:
    """Copy everything from the database of the settings to the empty one at `url`; return the compared tables.

    All is one transaction: if it fails, the target stays empty. Raises Invalid for a wrong URL or a value that the
    target cannot store, Conflict if the target has data or the source changes meanwhile.
    """
    with _both_databases(settings, url) as source:
        _require_empty()
        with database.reshaping():
            with source.reading():
                definitions = _copy_tables(source, progress)
            # A new transaction: what was written to the source since the copy began is a difference.
            compared = _compare(source, definitions)
            if changed := [each.name for each in compared if not each.is_equal]:
                raise Conflict(
                    f"These tables changed while they were copied: {', '.join(changed)}. Nothing was copied. "
                    "Stop the server and its jobs, then try again."
                )
        database.reclaim_space()
        return compared


def compare_data(settings: Settings, url: str) -> list[ComparedTable]:
    """Return the tables of the database of the settings, compared with those of the database at `url`.

    Raises Conflict if the two have different resources, because then their tables differ.
    """
    with _both_databases(settings, url) as source, database.connection_context():
        if not all(each.is_equal for each in _compare(source, ()) if each.name == DEFINITIONS):
            raise Conflict("The two databases have different definitions of resources.")
        return _compare(source, load_definitions().values())


@contextmanager
def _both_databases(settings: Settings, url: str) -> Iterator[Dialect]:
    """Yield the source, the database of the settings; meanwhile `database` is the target at `url`, migrated."""
    if not migrations.is_up_to_date():
        raise Conflict(migrations.NOT_MIGRATED)
    try:
        checks.database_url(url)
    except ValidationError as error:
        problems = [Problem("bad_format", str(text)) for text in error.messages]
        raise Invalid({"to": problems}, "options") from error
    target = replace(settings, database_url=url)
    if target.database_url == settings.database_url:
        problem = Problem("not_allowed", "This is the database of LARDER_DATABASE_URL itself.")
        raise Invalid({"to": [problem]}, "options")
    database.open(target)
    source = open_database(settings)
    try:
        migrations.upgrade()
        with source.connection_context():
            yield source
    finally:
        source.close_all()
        database.open(settings)


def _require_empty() -> None:
    with database.connection_context():
        users, resources = User.select().count(), StoredDefinition.select().count()
    if users or resources:
        raise Conflict(
            f"The target is not empty: it has {users:,} users and {resources:,} resources. Name an empty database."
        )


def _copy_tables(source: Dialect, progress: Progress) -> Iterable[Definition]:
    """Copy all rows and create the tables of resources; return their definitions."""
    target = database.obj
    system = list(zip(system_tables(source), system_tables(target), strict=True))
    for _, table in reversed(system):
        table.clear()  # the migrations have created roles and single rows
    for pair in system:
        _copy_rows(*pair, progress)
    definitions = load_definitions().values()
    for definition in definitions:
        build_model(definition, target).create_table(safe=False)
        _copy_rows(record_table(source, definition), record_table(target, definition), progress)
    for definition in definitions:  # with the rows in it, a table is indexed faster
        index_table(definition)
        add_foreign_keys(definition, definition.references)
        feeds.start(definition)
        links.create_links(definition, definition.links)
        for pair in zip(link_tables(source, definition), link_tables(target, definition), strict=True):
            _copy_rows(*pair, progress)
    return definitions


def _copy_rows(source: TableRows, target: TableRows, progress: Progress) -> None:
    count = 0
    for rows in source.read(source.given):
        try:
            target.write(rows)
        except (*DATABASE_ERRORS, ValueError) as error:
            place = f"after row {count:,} of {source.name}"
            raise Conflict(f"The target refuses a value {place}: {error}. Nothing was copied.") from error
        count += len(rows)
        progress(source.name, count)


def _compare(source: Dialect, definitions: Iterable[Definition]) -> list[ComparedTable]:
    pairs = list(zip(_tables(source, definitions), _tables(database.obj, definitions), strict=True))
    with source.reading():
        return [ComparedTable(mine.name, mine.checksum(), theirs.checksum()) for mine, theirs in pairs]


def _tables(dialect: Dialect, definitions: Iterable[Definition]) -> list[TableRows]:
    records = [record_table(dialect, definition) for definition in definitions]
    junctions = [table for definition in definitions for table in link_tables(dialect, definition)]
    return [*system_tables(dialect), *records, *junctions]
