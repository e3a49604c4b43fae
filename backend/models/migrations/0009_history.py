"""The order of a record's changes, and what their fields were: who could read them, and what they are called now."""

from typing import Any

from peewee import SQL, Model
from playhouse.migrate import SchemaMigrator

from backend.models.columns import BooleanColumn, IntegerColumn, JsonColumn, TextColumn, UuidColumn
from backend.models.database import Dialect
from backend.utils.ids import uuid7

CHANGES = "larder_record_changes"


class KeptFields(Model):
    id = UuidColumn(primary_key=True)
    resource = TextColumn(index=True)
    current = BooleanColumn()
    fields = JsonColumn()

    class Meta:
        table_name = "larder_kept_fields"


class StoredDefinition(Model):
    name = TextColumn(primary_key=True)
    body = JsonColumn()

    class Meta:
        table_name = "larder_definitions"


class DefinitionVersion(Model):
    name = TextColumn()
    version = IntegerColumn()
    body = JsonColumn(null=True)

    class Meta:
        table_name = "larder_definition_versions"
        primary_key = False


def up(migrator: SchemaMigrator, db: Dialect) -> None:
    """Number the changes of each record, and give them the strictest rules that their fields ever had."""
    number = IntegerColumn(default=0, constraints=[SQL("DEFAULT 0")])
    migrator.add_column(CHANGES, "number", number, allow_not_null=True).run()
    migrator.add_column(CHANGES, "fields_id", UuidColumn(null=True)).run()
    _number(db)
    for index in db.get_indexes(CHANGES):
        if index.columns == ["resource", "record_id", "id"]:
            db.execute_sql(f'DROP INDEX "{index.name}"')
    migrator.add_index(CHANGES, ("resource", "record_id", "number")).run()
    with db.bind_ctx([KeptFields, StoredDefinition, DefinitionVersion], bind_refs=False, bind_backrefs=False):
        KeptFields._meta.strict_tables = db.strict_tables
        KeptFields.create_table(safe=False)
        for definition in StoredDefinition.select():
            _keep_fields(db, definition)


def _number(db: Dialect) -> None:
    """Number by version, a delete after the last; by time where a record was created again under its id."""
    record = "PARTITION BY resource, record_id"
    lives = f"SELECT *, sum(CASE action WHEN 'create' THEN 1 ELSE 0 END) OVER ({record}) AS lives FROM {CHANGES}"
    order = (
        "CASE WHEN lives > 1 THEN 0 ELSE version END, CASE WHEN lives <= 1 AND action = 'delete' THEN 1 ELSE 0 END, id"
    )
    numbered = f"SELECT id, row_number() OVER ({record} ORDER BY {order}) AS place FROM ({lives}) AS lived"
    db.execute_sql(
        f"UPDATE {CHANGES} SET number = numbered.place FROM ({numbered}) AS numbered WHERE {CHANGES}.id = numbered.id"
    )


def _keep_fields(db: Dialect, definition: StoredDefinition) -> None:
    fields = definition.body["fields"]
    names = {definition.name, *_listed(definition.body.get("renamed_from"))}
    now = {former: name for name, kind in fields.items() for former in _listed(kind.get("renamed_from"))}
    now |= {name: name for name in fields}
    kept: dict[str, Any] = {}
    bodies = [each.body for each in DefinitionVersion.select().where(DefinitionVersion.name.in_(list(names)))]
    for body in (*bodies, definition.body):
        for name, kind in (body or {"fields": {}})["fields"].items():
            known = kept.setdefault(name, {"readers": [], "now": now.get(name)})
            if kind.get("readable_by") is not None and kind["readable_by"] not in known["readers"]:
                known["readers"].append(kind["readable_by"])
    before = KeptFields.create(id=uuid7(), resource=definition.name, current=False, fields=kept, force_insert=True)
    db.execute_sql(
        f"UPDATE {CHANGES} SET fields_id = {db.param} WHERE resource = {db.param}", (before.id, definition.name)
    )
    if definition.body.get("history"):
        current_fields = {
            name: {"readers": [kind["readable_by"]] if kind.get("readable_by") is not None else [], "now": name}
            for name, kind in fields.items()
        }
        KeptFields.create(id=uuid7(), resource=definition.name, current=True, fields=current_fields, force_insert=True)


def _listed(names: str | list[str] | None) -> list[str]:
    return [names] if isinstance(names, str) else names or []
