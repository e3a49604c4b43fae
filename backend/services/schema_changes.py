"""Brings the table of a resource from one definition to the next; see forbidden_changes for what is possible."""

from backend.models.database import database
from backend.models.records import build_model, column, index_name


def forbidden_changes(old, new):
    """Return why the records of `old` cannot simply become those of `new`, as {part of the definition: [messages]}.

    What is left is safe with rows in place: new optional fields with any constraint, new indexes, and everything that
    concerns no column.
    """
    problems = {}
    for name, kind in old.fields.items():
        if name not in new.fields:
            problems[name] = ["Dropping a field is not supported yet."]
        elif _column_options(kind) != _column_options(new.fields[name]):
            problems[name] = ["Changing the type or the constraints of a field is not supported yet."]
    for name in added_fields(old, new):
        if new.fields[name].required:
            problems[name] = ["A new field must be optional: the records there have no value for it."]
    found = {"fields": problems} if problems else {}
    if set(old.unique_sets()) - set(new.unique_sets()):
        found["unique"] = ["Dropping a constraint is not supported yet."]
    if any(not set(columns) - set(old.fields) for columns in set(new.unique_sets()) - set(old.unique_sets())):
        found["unique"] = ["A new constraint must have a new field in it: the records there might violate it."]
    if set(old.index_sets()) - set(new.index_sets()) - set(new.unique_sets()):
        found["indexes"] = ["Dropping an index is not supported yet."]
    return found


def _column_options(kind):
    free = ("description", "index", "readable_by", "writable_by")
    return {name: value for name, value in kind.to_dict().items() if name not in free}


def added_fields(old, new):
    """Return the names of the fields that only `new` has."""
    return [name for name in new.fields if name not in old.fields]


def create_table(definition):
    """Create the table with its indexes; foreign keys follow by add_foreign_keys on Postgres."""
    build_model(definition, database.obj).create_table(safe=False)
    _create_indexes(definition, definition.unique_sets(), definition.index_sets())


def alter_table(old, new):
    """Add the columns and indexes that `new` has and `old` has not; existing rows get each new field's default."""
    model = build_model(new, database.obj)
    names = added_fields(old, new)
    for name in names:
        context = database.get_sql_context()
        added = context.literal(f'ALTER TABLE "{new.name}" ADD COLUMN ').sql(column(model, name).ddl(context))
        database.execute_sql(*added.query())
    if defaults := {name: new.fields[name].default for name in names if new.fields[name].default is not None}:
        parsed = {column(model, name): new.fields[name].wire().deserialize(value) for name, value in defaults.items()}
        model.update(parsed).execute()
    _create_indexes(
        new,
        [columns for columns in new.unique_sets() if columns not in old.unique_sets()],
        [columns for columns in new.index_sets() if columns not in old.index_sets()],
    )


def add_foreign_keys(definition, names):
    """Add the foreign keys of the named fields where they could not be declared with their columns."""
    if database.adds_foreign_keys_later:
        for name in names:
            reference = definition.references[name].foreign_key().sql
            database.execute_sql(f'ALTER TABLE "{definition.name}" ADD FOREIGN KEY ("{name}") {reference}')


def drop_table(definition):
    """Drop the table with everything in it."""
    model = build_model(definition, database.obj)
    own = [name for name, kind in definition.references.items() if kind.to == definition.name]
    if own:
        # SQLite deletes the rows before the table, and stops at one that another still refers to.
        model.update({column(model, name): None for name in own}).execute()
    model.drop_table(safe=False)


def _create_indexes(definition, unique_sets, index_sets):
    for columns, unique in [(c, True) for c in unique_sets] + [(c, False) for c in index_sets]:
        name = index_name(definition.name, columns, unique=unique)
        listed = ", ".join(f'"{each}"' for each in columns)
        database.execute_sql(f'CREATE {"UNIQUE " if unique else ""}INDEX "{name}" ON "{definition.name}" ({listed})')
