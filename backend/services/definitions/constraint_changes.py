"""Changes the constraints of tables, on a database that alters tables in place."""

from backend.models.database import database
from backend.services.definitions.changes import Alteration
from backend.services.definitions.definition import Definition


def constraints_of(definition: Definition) -> dict[str, str]:
    """Return the map of name to SQL of a table's constraints."""
    context = database.get_sql_context
    return {each.name: context().sql(each.ddl).query()[0] for each in definition.constraints(database.obj)}


def drop_constraints(change: Alteration) -> None:
    """Drop the constraints of the table that are not kept."""
    kept = _kept(change)
    for name in constraints_of(change.old):
        if name not in kept:
            database.execute_sql(f'ALTER TABLE "{change.new.name}" DROP CONSTRAINT "{name}"')


def add_constraints(change: Alteration) -> None:
    """Add the constraints of the new definition that the table does not have."""
    kept = _kept(change)
    for name, sql in constraints_of(change.new).items():
        if name not in kept:
            database.execute_sql(f'ALTER TABLE "{change.new.name}" ADD {sql}')


def _kept(change: Alteration) -> set[str]:
    """Return the names of the constraints that are the same before and after, about the same columns."""
    changed = {*change.converters, *change.added, *(name for _, name in change.renamed)}
    unchanged = {each.name for each in change.new.constraints(database.obj) if changed.isdisjoint(each.fields)}
    return unchanged & {name for name, _ in constraints_of(change.old).items() & constraints_of(change.new).items()}


def stop_computing(change: Alteration) -> None:
    """Turn computed fields that will not be computed any more into plain ones, with their values."""
    for name, old_name in change.old_names.items():
        if old_name in change.old.computed_fields and change.new.fields[name].computed is None:
            database.execute_sql(f'ALTER TABLE "{change.new.name}" ALTER COLUMN "{old_name}" DROP EXPRESSION')
