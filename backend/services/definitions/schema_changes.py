"""Changes tables from one definition to the next, with the rows in them."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from marshmallow import ValidationError
from peewee import SQL, Field, IntegrityError

from backend.models.database import database
from backend.models.records import build_model, column
from backend.services.definitions.changes import Alteration
from backend.services.definitions.definition import Definition
from backend.services.definitions.indexes import (
    create_indexes,
    drop_indexes,
    lasting_indexes,
    wanted_indexes,
)
from backend.services.definitions.surveys import read_rows
from backend.services.field_types.reference import Reference
from backend.services.storage import full_text

REBUILT = "larder_rebuilt"  # no resource can have this name
TEMPORARY = "larder__{}"  # the name of a column or table until its own is free; no field or resource can have it


def create_table(definition: Definition) -> None:
    """Create the table with its indexes; foreign keys follow by add_foreign_keys on Postgres."""
    model = build_model(definition, database.obj)
    model.create_table(safe=False)
    create_indexes(definition)
    full_text.create_index(definition.name, definition.search, model)


def add_foreign_keys(definition: Definition, names: Iterable[str]) -> None:
    """Add the foreign keys of the named fields where they could not be declared with their columns."""
    if database.adds_foreign_keys_later:
        for name in names:
            reference = definition.references[name].foreign_key().sql
            database.execute_sql(f'ALTER TABLE "{definition.name}" ADD FOREIGN KEY ("{name}") {reference}')


def rename_tables(renamed: Mapping[str, str]) -> None:
    """Rename tables, {old: new}, also to the names of each other; references to them follow."""
    for temporary, old_name in enumerate(renamed):
        _rename_table(old_name, TEMPORARY.format(temporary))
    for temporary, new_name in enumerate(renamed.values()):
        _rename_table(TEMPORARY.format(temporary), new_name)


def _rename_table(old_name: str, new_name: str) -> None:
    database.execute_sql(f'ALTER TABLE "{old_name}" RENAME TO "{new_name}"')


def release_names(definition: Definition) -> None:
    """Drop everything named after a table that will be renamed; alter_table creates it again."""
    full_text.drop_index(definition.name, definition.search)
    drop_indexes(wanted_indexes(definition))


def drop_table(definition: Definition) -> None:
    """Drop the table with everything in it."""
    full_text.drop_index(definition.name, definition.search)
    database.execute_sql(f'DROP TABLE "{definition.name}"{database.drops_with_constraints}')


def alter_table(change: Alteration, renamed: Mapping[str, str]) -> None:
    """Change the table, which has its new name already, to `change.new`; every target of a reference exists.

    `renamed` has the new name of each renamed resource by the old one.
    """
    old, new = replace(change.old, name=change.new.name), change.new
    database.lock_table(new.name)
    has_other_words = change.moves_words
    if has_other_words and change.old.name == new.name:
        full_text.drop_index(change.old.name, change.old.search)
    converted = _convert(change, old)
    if database.alters_columns:
        _alter_columns(change, old, converted, renamed)
    elif _leaves_rows(change, renamed):
        drop_indexes(wanted_indexes(change.old).keys() - lasting_indexes(change))
        _add_columns(change)
        _fill(new, change.defaults)
        create_indexes(new, lasting_indexes(change))
    else:
        _rebuild(change, old, converted)
    if has_other_words:
        full_text.create_index(new.name, new.search, build_model(new, database.obj))


def _leaves_rows(change: Alteration, renamed: Mapping[str, str]) -> bool:
    """Tell whether the existing columns stay as they are, so that SQLite need not build the table again."""
    follows = any(field.to in renamed for field in change.old.references.values())
    stays = not follows and all(
        name == origin and _column_ddl(change.new, name) == _column_ddl(change.old, origin)
        for name, origin in change.origins.items()
    )
    required = any(field.required for field in change.added.values())
    return stays and change.new.name == change.old.name and not (change.dropped or change.converted or required)


def _column_ddl(definition: Definition, name: str) -> Any:
    context = database.get_sql_context()
    return context.sql(column(build_model(definition, database.obj), name).ddl(context)).query()


# Converted values are written to a new column, by the same code on both databases; then it replaces the old one.


def _convert(change: Alteration, old: Definition) -> list[str]:
    """Add a column for each field whose values take another form, fill it, and return the names of those fields."""
    if not change.converted:
        return []
    model, fields = build_model(old, database.obj), change.new.fields
    temporary = _temporary_names(change)
    columns = {
        name: fields[name].column(database.obj, column_name=temporary[name], null=True) for name in change.converted
    }
    for each in columns.values():
        _add_column(old.name, each)
    assignments = [f'"{temporary[name]}" = {database.param}' for name in columns]
    statement = f'UPDATE "{old.name}" SET {", ".join(assignments)} WHERE "id" = {database.param}'
    for rows in read_rows(change, model, [*columns]):
        database.execute_many(statement, [_converted(change, columns, row, key) for key, row in rows])
    return [*columns]


def _temporary_names(change: Alteration) -> dict[str, str]:
    """Return, by field, a temporary name for its column: short, because names have at most 63 characters."""
    return {name: TEMPORARY.format(number) for number, name in enumerate(change.new.fields)}


def _converted(change: Alteration, columns: Mapping[str, Any], row: Mapping[str, Any], record_id: str) -> list[Any]:
    values = []
    for name, target in columns.items():
        try:
            value = None if row[name] is None else change.converted[name](row[name])
        except ValidationError:  # the plan said so, and was confirmed
            value = None
        values.append(target.db_value(change.defaults.get(name) if value is None else value))
    return [*values, record_id]


# SQLite cannot change a column, so the table is built again: sqlite.org/lang_altertable.html, "making other kinds of
# table schema changes". Foreign keys are not enforced meanwhile, see Sqlite.reshaping.


def _rebuild(change: Alteration, old: Definition, converted: list[str]) -> None:
    new = change.new
    model = build_model(replace(new, name=REBUILT), database.obj)
    model.create_table(safe=False)
    taken = {name: SQL(f'"{name}"') for name in new.all_fields if name not in new.fields}
    temporary = _temporary_names(change)
    for name, origin in change.origins.items():
        taken[name] = SQL(f'"{temporary[name]}"' if name in converted else f'"{origin}"')
    columns: dict[str, Any] = {name: column(model, name) for name in change.defaults}
    defaults = {name: columns[name].db_value(value) for name, value in change.defaults.items()}
    chosen = []
    for name in taken | defaults:
        if name not in defaults:
            chosen.append(taken[name].sql)
        elif name in taken:
            chosen.append(f"coalesce({taken[name].sql}, {database.param})")
        else:
            chosen.append(database.param)
    listed = ", ".join(f'"{name}"' for name in taken | defaults)
    statement = f'INSERT INTO "{REBUILT}" ({listed}) SELECT {", ".join(chosen)} FROM "{old.name}"'
    database.execute_sql(statement, [defaults[name] for name in taken | defaults if name in defaults])
    database.execute_sql(f'DROP TABLE "{old.name}"')
    _rename_table(REBUILT, new.name)
    create_indexes(new)
    if database.execute_sql(f'PRAGMA foreign_key_check("{new.name}")').fetchall():
        raise IntegrityError(f"FOREIGN KEY constraint failed in {new.name}")


# Postgres changes columns in place.


def _alter_columns(change: Alteration, old: Definition, converted: list[str], renamed: Mapping[str, str]) -> None:
    new, table = change.new, change.new.name
    kept = {name for name, field in change.old.references.items() if _keeps_target(change, name, field, renamed)}
    drop_indexes(wanted_indexes(change.old).keys() - lasting_indexes(change))
    for name in change.old.references:
        if name not in kept:
            _drop_foreign_key(table, name)
    for name in [*change.dropped, *(change.origins[name] for name in converted)]:
        database.execute_sql(f'ALTER TABLE "{table}" DROP COLUMN "{name}"')
    temporary = _temporary_names(change)
    moved = {name: origin for name, origin in change.renamed if name not in converted}
    for name, origin in moved.items():  # one may take the name of another
        _rename_column(table, origin, temporary[name])
    for name in (*moved, *converted):
        _rename_column(table, temporary[name], name)
    _add_columns(change, nullable=True)
    _fill(new, change.defaults)
    for name, field in new.fields.items():
        was_required = name in change.origins and name not in converted and old.fields[change.origins[name]].required
        if field.required != was_required:
            word = "SET" if field.required else "DROP"
            database.execute_sql(f'ALTER TABLE "{table}" ALTER COLUMN "{name}" {word} NOT NULL')
    create_indexes(new, lasting_indexes(change))
    add_foreign_keys(new, [name for name in new.references if change.origins.get(name) not in kept])


def _rename_column(table: str, old_name: str, new_name: str) -> None:
    database.execute_sql(f'ALTER TABLE "{table}" RENAME COLUMN "{old_name}" TO "{new_name}"')


def _keeps_target(change: Alteration, origin: str, was: Reference, renamed: Mapping[str, str]) -> bool:
    """Tell whether the foreign key of a former field can stay."""
    name = next((name for name, each in change.origins.items() if each == origin), None)
    now = change.new.references.get(name) if name else None
    return now is not None and (renamed.get(was.to, was.to), was.on_delete) == (now.to, now.on_delete)


def _drop_foreign_key(table: str, name: str) -> None:
    query = (
        "SELECT conname FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = ANY (conkey)"
        " WHERE contype = 'f' AND conrelid = %s::regclass AND attname = %s"
    )
    for (constraint,) in database.execute_sql(query, [f'"{table}"', name]).fetchall():
        database.execute_sql(f'ALTER TABLE "{table}" DROP CONSTRAINT "{constraint}"')


def _add_columns(change: Alteration, *, nullable: bool = False) -> None:
    model = build_model(change.new, database.obj)
    for name, field in change.added.items():
        if nullable:
            _add_column(change.new.name, field.column(database.obj, column_name=name, null=True))
        else:
            _add_column(change.new.name, column(model, name))


def _add_column(table: str, target: Field) -> None:
    context = database.get_sql_context()
    statement = context.literal(f'ALTER TABLE "{table}" ADD COLUMN ').sql(target.ddl(context))
    database.execute_sql(*statement.query())


def _fill(definition: Definition, defaults: Mapping[str, Any]) -> None:
    """Set these values where rows have none."""
    model = build_model(definition, database.obj)
    for name, value in defaults.items():
        target = column(model, name)
        model.update({target: value}).where(target.is_null()).execute()
