"""The indexes of a resource's table: those that its definition declares, and those that it implies.

An index that is not unique ends with `id`, which breaks ties in every order: so a filter, an order and a cursor
together read one range of it. Indexes are named after their table, columns and rule, so a rename creates them again.
"""

from collections.abc import Iterable
from typing import NamedTuple

from peewee import SQL

from backend.models.database import database
from backend.models.records import index_name
from backend.services.definitions.changes import Alteration
from backend.services.definitions.definition import Definition
from backend.services.definitions.field_sets import FieldSet
from backend.services.definitions.own_where import read_own_where
from backend.services.definitions.stored import load_definitions
from backend.services.storage.literals import literal_sql


class Index(NamedTuple):
    """The fields of an index, the SQL of what is indexed of each, and whether these values together are unique.

    `condition` is the SQL of the rule of its rows, "" for all rows. `items` is the SQL of an index of the values in
    lists, which has no order.
    """

    field_set: FieldSet
    expressions: tuple[str, ...]
    is_unique: bool
    condition: str
    items: str | None = None

    @property
    def covers(self) -> str:
        """The SQL of what the index covers, which follows the name of the table."""
        if self.items:
            return self.items
        columns = zip(self.expressions, self.field_set.columns, strict=True)
        listed = [f"{expression}{' DESC' * descending}" for expression, (_, descending) in columns]
        return f"({', '.join(listed)})" + (f" WHERE {self.condition}" if self.condition else "")


def indexes_of(definition: Definition) -> dict[str, Index]:
    """Return the map of name to Index for the indexes that a table must have."""
    indexes = [_make_index(definition, each, is_unique=True) for each in definition.unique_sets()]
    indexes += [
        _make_index(definition, each.with_id(), is_unique=False)
        for each in (*definition.index_sets(), *definition.implied_sets())
        if definition.lists.isdisjoint(each.fields)
    ]
    if database.items_index is not None:
        of_items = [each for each in definition.index_sets() if not definition.lists.isdisjoint(each.fields)]
        indexes += [Index(each, (), False, "", database.items_index.format(*each.fields)) for each in of_items]
    return {_name(definition, index): index for index in indexes}


def unique_indexes(definition: Definition) -> dict[str, tuple[str, ...]]:
    """Return the map of name to fields for the unique indexes."""
    return {name: index.field_set.fields for name, index in indexes_of(definition).items() if index.is_unique}


def _make_index(definition: Definition, field_set: FieldSet, *, is_unique: bool) -> Index:
    fields, condition = definition.all_fields, ""
    if field_set.rule:
        condition = literal_sql(read_own_where(field_set.where, fields), fields).sql
    return Index(field_set, tuple(_expression(definition, name) for name in field_set.fields), is_unique, condition)


def _expression(definition: Definition, name: str) -> str:
    """Return the SQL of what the values of a field are compared by."""
    compared = definition.all_fields[name].compared(SQL(f'"{name}"'), database.obj)
    sql, _ = database.get_sql_context().sql(compared).query()
    return str(sql)


def _name(definition: Definition, index: Index) -> str:
    if index.items:
        return index_name(definition.name, [index.items], unique=False)
    # A column without an expression is named without quotes, as it always was.
    terms = [
        term if expression == f'"{name}"' else f"{term} {expression}"
        for term, name, expression in zip(index.field_set.terms, index.field_set.fields, index.expressions, strict=True)
    ]
    rule = [f"where {index.condition}"] if index.condition else []
    return index_name(definition.name, [*terms, *rule], unique=index.is_unique)


def kept_indexes(change: Alteration) -> set[str]:
    """Return the names of the indexes that stay as they are."""
    changed = {*change.converters, *(name for _, name in change.renamed), *change.added}
    old, new = indexes_of(change.old), indexes_of(change.new)
    return {name for name, index in new.items() if name in old and not index.field_set.uses(changed)}


def drop_indexes(names: Iterable[str]) -> None:
    """Drop these indexes where they exist."""
    for name in names:
        database.execute_sql(f'DROP INDEX IF EXISTS "{name}"')


def create_indexes(definition: Definition, existing: Iterable[str] = ()) -> None:
    """Create the indexes of a table, except the `existing` ones, which are names."""
    for name, index in indexes_of(definition).items():
        if name not in existing:
            kind = "UNIQUE INDEX" if index.is_unique else "INDEX"
            database.execute_sql(f'CREATE {kind} "{name}" ON "{definition.name}" {index.covers}')


def refresh_indexes() -> None:
    """Update the indexes of tables that an older version created; write nothing if they are up to date."""
    existing = database.index_names()
    for definition in load_definitions().values():
        # Older versions did not add `id` to the columns.
        without_id = {index_name(definition.name, each.terms, unique=False) for each in definition.index_sets()}
        wanted = indexes_of(definition).keys()
        outdated, missing = (without_id - wanted) & existing, wanted - existing
        if outdated or missing:
            with database.atomic():
                drop_indexes(outdated)
                create_indexes(definition, existing)
