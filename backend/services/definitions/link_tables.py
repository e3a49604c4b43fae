"""Changes the junction tables of fields that hold several ids: see models/links.py."""

from collections.abc import Iterable, Mapping

from marshmallow import ValidationError

from backend.models.database import database
from backend.models.links import insert_links_sql, links_table
from backend.models.records import build_model
from backend.services.definitions.changes import Alteration
from backend.services.definitions.definition import Definition
from backend.services.definitions.surveys import read_rows
from backend.services.definitions.table_names import rename_table, rename_tables

REBUILT = "larder_rebuilt_links"  # the junction table that will replace one


def create_links(definition: Definition, names: Iterable[str]) -> None:
    """Create the junction tables of the named fields; the tables of their targets must exist."""
    for name in names:
        _create(definition, name, links_table(definition.name, name))


def _create(definition: Definition, name: str, table: str) -> None:
    uuid, integer = database.field_types["LARDER_UUID"], database.field_types["LARDER_INTEGER"]
    columns = (
        f'record {uuid} NOT NULL REFERENCES "{definition.name}" ("id") ON DELETE CASCADE',
        f"target {uuid} NOT NULL {definition.links[name].foreign_key()}",
        f"place {integer} NOT NULL",
        "PRIMARY KEY (record, target)",
        "UNIQUE (target, record)",  # the index for the way back
    )
    database.execute_sql(f'CREATE TABLE "{table}" ({", ".join(columns)}){database.junction_options}')


def drop_links(resource: str, names: Iterable[str]) -> None:
    """Drop the junction tables of the named fields."""
    for name in names:
        database.execute_sql(f'DROP TABLE "{links_table(resource, name)}"')


def renamed(changes: Iterable[Alteration]) -> dict[str, str]:
    """Return the map of old to new name of the junction tables of resources that are renamed."""
    return {
        links_table(change.old.name, name): links_table(change.new.name, name)
        for change in changes
        if change.old.name != change.new.name
        for name in change.old.links
    }


def alter_links(change: Alteration, old: Definition, new_names: Mapping[str, str]) -> None:
    """Change the junction tables of a table, and the links in them, to `change.new`.

    `old` is the old definition with the new name, which the table and its junction tables must have already; the
    columns are still the old ones. `new_names` maps old resource names to new ones.
    """
    new = change.new
    kept = {name: change.old_names[name] for name in new.links if change.old_names.get(name) in old.links}
    drop_links(new.name, old.links.keys() - kept.values())
    moved = {name: old_name for name, old_name in kept.items() if name != old_name}
    rename_tables({links_table(new.name, old_name): links_table(new.name, name) for name, old_name in moved.items()})
    create_links(new, new.links.keys() - kept.keys())
    for name, old_name in kept.items():
        if new_names.get(old.links[old_name].to, old.links[old_name].to) != new.links[name].to:
            _change_target(new, name)
    _convert(change, old, [name for name in change.converters if name in new.links])


def _change_target(definition: Definition, name: str) -> None:
    table = links_table(definition.name, name)
    _create(definition, name, REBUILT)
    columns = "record, target, place"
    database.execute_sql(f'INSERT INTO "{REBUILT}" ({columns}) SELECT {columns} FROM "{table}"')
    database.execute_sql(f'DROP TABLE "{table}"')
    rename_table(REBUILT, table)


def _convert(change: Alteration, old: Definition, names: list[str]) -> None:
    """Make links of the values that the named fields had as columns."""
    if not names:
        return
    model = build_model(old, database.obj)
    for rows in read_rows(change, model, names):
        for name in names:
            links = [
                (row_id, target, number)
                for row_id, values in rows
                for number, target in enumerate(_converted(change, name, values[name]))
            ]
            database.execute_many(insert_links_sql(links_table(change.new.name, name), database.param), links)


def _converted(change: Alteration, name: str, value: object) -> list[str]:
    try:
        converted: list[str] = [] if value is None else change.converters[name](value)
    except ValidationError:  # the plan listed this loss, and was confirmed
        return []
    return converted
