"""Changes the columns of computed fields, and their constraints, on a database that alters columns in place."""

from collections.abc import Mapping

from backend.models.database import database
from backend.models.records import constraint_name
from backend.services.definitions.changes import Alteration

TEMPORARY = "larder__{}"  # of a constraint until its new name is free


def stop_computing(change: Alteration) -> None:
    """Turn computed fields that will not be computed any more into plain ones, with their values."""
    for name, old_name in change.old_names.items():
        if old_name in change.old.computed_fields and change.new.fields[name].computed is None:
            alter = f'ALTER TABLE "{change.new.name}"'
            database.execute_sql(f'{alter} DROP CONSTRAINT "{constraint_name("fits", old_name)}"')
            database.execute_sql(f'{alter} ALTER COLUMN "{old_name}" DROP EXPRESSION')


def rename_constraints(change: Alteration, renamed: Mapping[str, str]) -> None:
    """Name the constraints of renamed fields, a map of new to old name, after their new names; two may be swapped."""
    computed = [(old_name, name) for name, old_name in renamed.items() if name in change.new.computed_fields]
    for number, (old_name, _) in enumerate(computed):
        _rename(change.new.name, constraint_name("fits", old_name), TEMPORARY.format(number))
    for number, (_, name) in enumerate(computed):
        _rename(change.new.name, TEMPORARY.format(number), constraint_name("fits", name))


def _rename(table: str, old: str, new: str) -> None:
    database.execute_sql(f'ALTER TABLE "{table}" RENAME CONSTRAINT "{old}" TO "{new}"')
