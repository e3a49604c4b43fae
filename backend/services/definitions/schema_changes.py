"""Changes tables, with the rows in them, to what their new definitions declare."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from marshmallow import ValidationError
from peewee import Field, IntegrityError

from backend.models.database import database
from backend.models.records import build_model, column
from backend.services.definitions.changes import Alteration
from backend.services.definitions.constraint_changes import (
    add_constraints,
    constraints_of,
    drop_constraints,
    stop_computing,
)
from backend.services.definitions.definition import Definition
from backend.services.definitions.indexes import (
    create_indexes,
    drop_indexes,
    indexes_of,
    kept_indexes,
)
from backend.services.definitions.link_tables import alter_links, drop_links
from backend.services.definitions.surveys import read_rows
from backend.services.definitions.table_names import TEMPORARY, rename_table
from backend.services.storage import full_text

REBUILT = "larder_rebuilt"  # the table that will replace one; no resource can have this name


def create_table(definition: Definition) -> None:
    """Create the table with its indexes. On Postgres, add_foreign_keys must be called after it."""
    build_model(definition, database.obj).create_table(safe=False)
    index_table(definition)


def index_table(definition: Definition) -> None:
    """Create the indexes of a table that has none, also those of the full-text search."""
    create_indexes(definition)
    full_text.create_index(definition.name, definition.search, build_model(definition, database.obj))


def add_foreign_keys(definition: Definition, names: Iterable[str]) -> None:
    """Add the foreign keys of the named fields on Postgres; on SQLite they are declared with their columns."""
    if database.adds_foreign_keys_later:
        for name in names:
            reference = definition.references[name].foreign_key().sql
            database.execute_sql(f'ALTER TABLE "{definition.name}" ADD FOREIGN KEY ("{name}") {reference}')


def release_names(definition: Definition) -> None:
    """Drop the indexes of a table that will be renamed, as they are named after it; alter_table creates them again."""
    full_text.drop_index(definition.name, definition.search)
    drop_indexes(indexes_of(definition))


def drop_table(definition: Definition) -> None:
    """Drop the table with its rows, links and indexes."""
    drop_links(definition.name, definition.links)
    full_text.drop_index(definition.name, definition.search)
    database.execute_sql(f'DROP TABLE "{definition.name}"{database.drops_with_constraints}')


def alter_table(change: Alteration, new_names: Mapping[str, str]) -> None:
    """Change the columns, rows and indexes of a table to `change.new`.

    The table must have its new name already, and the target of every reference must exist. `new_names` maps old
    resource names to new ones.
    """
    old, new = replace(change.old, name=change.new.name), change.new
    database.lock_table(new.name)
    if change.needs_search_rebuild and change.old.name == new.name:  # release_names dropped that of a renamed table
        full_text.drop_index(change.old.name, change.old.search)
    converted = [*_convert(change, old), *_number(change, old)]
    alter_links(change, old, new_names)
    if database.alters_columns:
        _alter_columns(change, old, converted, new_names)
    elif _keeps_columns(change, new_names):
        drop_indexes(indexes_of(change.old).keys() - kept_indexes(change))
        _add_columns(change)
        _fill(new, change.defaults)
        create_indexes(new, kept_indexes(change))
    else:
        _rebuild(change, old, converted)
    if change.needs_search_rebuild:
        full_text.create_index(new.name, new.search, build_model(new, database.obj))


def _keeps_columns(change: Alteration, new_names: Mapping[str, str]) -> bool:
    """Return whether all existing columns stay the same, so that SQLite need not rebuild the table."""
    if change.new.name != change.old.name or change.converters:
        return False
    if any(field.has_column for field in change.dropped.values()):
        return False
    if any(reference.to in new_names for reference in change.old.references.values()):
        return False
    if any(field.required or field.computed for field in change.added.values() if field.has_column):
        return False
    if constraints_of(change.old) != constraints_of(change.new):
        return False
    return all(
        name == old_name and _column_ddl(change.new, name) == _column_ddl(change.old, old_name)
        for name, old_name in change.old_names.items()
        if change.new.fields[name].has_column
    )


def _column_ddl(definition: Definition, name: str) -> Any:
    context = database.get_sql_context()
    return context.sql(column(build_model(definition, database.obj), name).ddl(context)).query()


def _convert(change: Alteration, old: Definition) -> list[str]:
    """Write converted values to a temporary column for each converted field that has one; return their names.

    This is the same on both databases. Later the temporary columns replace the old ones.
    """
    if not change.converters:
        return []
    model, fields = build_model(old, database.obj), change.new.fields
    temporary = _temporary_names(change)
    columns = {
        name: fields[name].column(database.obj, column_name=temporary[name], null=True)
        for name in change.converters
        if fields[name].has_column
    }
    if not columns:
        return []
    for column_ in columns.values():
        _add_column(old.name, column_)
    assignments = [f'"{temporary[name]}" = {database.param}' for name in columns]
    statement = f'UPDATE "{old.name}" SET {", ".join(assignments)} WHERE "id" = {database.param}'
    for rows in read_rows(change, model, [*columns]):
        database.execute_many(statement, [_converted_row(change, columns, values, row_id) for row_id, values in rows])
    return [*columns]


def _number(change: Alteration, old: Definition) -> list[str]:
    """Write numbers to a temporary column for each added sequence, as _convert does; return the names of the fields."""
    names = [name for name in change.new.sequences if name in change.added]
    for name in names:
        temporary, first_number = _temporary_names(change)[name], change.new.sequences[name]
        _add_column(old.name, change.added[name].column(database.obj, column_name=temporary, null=True))
        rows = f'SELECT "id", row_number() OVER (ORDER BY "id") + {first_number - 1} AS number FROM "{old.name}"'
        matches = f'numbered__."id" = "{old.name}"."id"'
        database.execute_sql(
            f'UPDATE "{old.name}" SET "{temporary}" = numbered__.number FROM ({rows}) AS numbered__ WHERE {matches}'
        )
    return names


def _temporary_names(change: Alteration) -> dict[str, str]:
    """Return the map of field name to a temporary column name, which is short: Postgres cuts names after 63 bytes."""
    return {name: TEMPORARY.format(number) for number, name in enumerate(change.new.fields)}


def _converted_row(
    change: Alteration, columns: Mapping[str, Any], old_values: Mapping[str, Any], row_id: str
) -> list[Any]:
    """Return the converted values of a row, in the order of `columns`, and its id."""
    converted = []
    for name, target in columns.items():
        try:
            value = None if old_values[name] is None else change.converters[name](old_values[name])
        except ValidationError:  # the plan listed this loss, and was confirmed
            value = None
        converted.append(target.db_value(change.defaults.get(name) if value is None else value))
    return [*converted, row_id]


def _rebuild(change: Alteration, old: Definition, converted: list[str]) -> None:
    """Copy the rows into a new table, which then replaces the old one: SQLite cannot change a column.

    See "Making Other Kinds Of Table Schema Changes" on sqlite.org/lang_altertable.html. Foreign keys are not enforced
    meanwhile (Sqlite.reshaping), so they are checked at the end.
    """
    new = change.new
    model = build_model(replace(new, name=REBUILT), database.obj)
    model.create_table(safe=False)
    defaults = {name: column(model, name).db_value(value) for name, value in change.defaults.items()}
    sources = _copied_columns(change, converted)
    # Map of new column to SQL expression. New fields have no source, only a default.
    expressions = dict.fromkeys(defaults, database.param) | {
        name: f"coalesce({source}, {database.param})" if name in defaults else source
        for name, source in sources.items()
    }
    columns = ", ".join(f'"{name}"' for name in expressions)
    statement = f'INSERT INTO "{REBUILT}" ({columns}) SELECT {", ".join(expressions.values())} FROM "{old.name}"'
    database.execute_sql(statement, [defaults[name] for name in expressions if name in defaults])
    database.execute_sql(f'DROP TABLE "{old.name}"')
    rename_table(REBUILT, new.name)
    create_indexes(new)
    if database.execute_sql(f'PRAGMA foreign_key_check("{new.name}")').fetchall():
        raise IntegrityError(f"FOREIGN KEY constraint failed in {new.name}")


def _copied_columns(change: Alteration, converted: list[str]) -> dict[str, str]:
    """Return the map of new column to the quoted old or temporary column that it is copied from."""
    temporary = _temporary_names(change)
    system = {name: f'"{name}"' for name in change.new.all_fields if name not in change.new.fields}
    kept = {name: f'"{old_name}"' for name, old_name in change.old_names.items() if change.new.fields[name].has_column}
    sources = system | kept | {name: f'"{temporary[name]}"' for name in converted}
    return {name: source for name, source in sources.items() if name not in change.new.computed_fields}


def _alter_columns(change: Alteration, old: Definition, converted: list[str], new_names: Mapping[str, str]) -> None:
    """Change the columns in place, on Postgres."""
    new, table = change.new, change.new.name
    kept = {name for name in change.old.references if _keeps_foreign_key(change, name, new_names)}
    drop_indexes(indexes_of(change.old).keys() - kept_indexes(change))
    for name in change.old.references:
        if name not in kept:
            _drop_foreign_key(table, name)
    drop_constraints(change)
    stop_computing(change)
    kept_columns = [name for name in change.old_names if name not in converted and new.fields[name].has_column]
    dropped = old.fields.keys() & old.columns.keys() - {change.old_names[name] for name in kept_columns}
    for name in sorted(dropped, key=lambda name: name not in old.computed_fields):  # these depend on the others
        database.execute_sql(f'ALTER TABLE "{table}" DROP COLUMN "{name}"')
    temporary = _temporary_names(change)
    renamed = {name: old_name for old_name, name in change.renamed if name in kept_columns}
    for name, old_name in renamed.items():  # two may swap their names
        _rename_column(table, old_name, temporary[name])
    for name in (*renamed, *converted):
        _rename_column(table, temporary[name], name)
    _add_columns(change, nullable=True, existing=converted)
    _fill(new, change.defaults)
    _add_computed_columns(change)
    add_constraints(change)
    for name, field in ((name, field) for name, field in new.fields.items() if field.has_column):
        was_required = name in kept_columns and old.fields[change.old_names[name]].required
        if field.required != was_required:
            action = "SET" if field.required else "DROP"
            database.execute_sql(f'ALTER TABLE "{table}" ALTER COLUMN "{name}" {action} NOT NULL')
    create_indexes(new, kept_indexes(change))
    add_foreign_keys(new, [name for name in new.references if change.old_names.get(name) not in kept])


def _add_computed_columns(change: Alteration) -> None:
    model = build_model(change.new, database.obj)
    for name in sorted(change.added.keys() & change.new.computed_fields):
        _add_column(change.new.name, column(model, name))


def _rename_column(table: str, old_name: str, new_name: str) -> None:
    database.execute_sql(f'ALTER TABLE "{table}" RENAME COLUMN "{old_name}" TO "{new_name}"')


def _keeps_foreign_key(change: Alteration, old_name: str, new_names: Mapping[str, str]) -> bool:
    """Return whether the foreign key of a field, under its old name, can stay."""
    old = change.old.references[old_name]
    name = next((name for name, candidate in change.old_names.items() if candidate == old_name), None)
    new = change.new.references.get(name) if name else None
    return new is not None and (new_names.get(old.to, old.to), old.on_delete) == (new.to, new.on_delete)


def _drop_foreign_key(table: str, name: str) -> None:
    query = (
        "SELECT conname FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = ANY (conkey)"
        " WHERE contype = 'f' AND conrelid = %s::regclass AND attname = %s"
    )
    for (constraint,) in database.execute_sql(query, [f'"{table}"', name]).fetchall():
        database.execute_sql(f'ALTER TABLE "{table}" DROP CONSTRAINT "{constraint}"')


def _add_columns(change: Alteration, *, nullable: bool = False, existing: Collection[str] = ()) -> None:
    model = build_model(change.new, database.obj)
    for name, field in change.added.items():
        if name in existing or field.computed is not None or not field.has_column:
            continue
        if nullable:
            _add_column(change.new.name, field.column(database.obj, column_name=name, null=True))
        else:
            _add_column(change.new.name, column(model, name))


def _add_column(table: str, target: Field) -> None:
    context = database.get_sql_context()
    statement = context.literal(f'ALTER TABLE "{table}" ADD COLUMN ').sql(target.ddl(context))
    database.execute_sql(*statement.query())


def _fill(definition: Definition, defaults: Mapping[str, Any]) -> None:
    """Set the default of each field in the rows that have no value."""
    model = build_model(definition, database.obj)
    for name, value in defaults.items():
        target = column(model, name)
        model.update({target: value}).where(target.is_null()).execute()
