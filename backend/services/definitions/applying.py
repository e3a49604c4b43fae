"""Applies plans. Every change of definitions is one transaction, which also increases the generation."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from peewee import IntegrityError, fn

from backend.models.database import database
from backend.models.definition import DefinitionVersion, Generation, StoredDefinition
from backend.services.access import audit
from backend.services.access.actors import Actor
from backend.services.definitions import attached_files, counters, feeds, kept_fields, link_tables, schema_changes
from backend.services.definitions.definition import Definition
from backend.services.definitions.plans import Plan
from backend.services.definitions.stored import load_definitions
from backend.services.definitions.table_names import rename_tables
from backend.services.errors import Conflict
from backend.utils.clock import utcnow


@contextmanager
def changing_definitions() -> Iterator[dict[str, Definition]]:
    """Lock the definitions in a transaction and yield the map of name to Definition.

    If the definitions have changed at the end, the generation increases, so every process reads them again.
    """
    with database.time_limit(None), database.reshaping():  # no time limit: all rows of a table may change
        database.lock_definitions()
        definitions = load_definitions()
        old_count = _version_count()
        yield definitions
        if _version_count() != old_count:
            Generation.advance()


def _version_count() -> int:
    return DefinitionVersion.select().count()


def require_consent(plan: Plan, confirm: str | None) -> None:
    """Raise Conflict if existing rows prevent the plan, or if it loses data and `confirm` is not its fingerprint."""
    if not plan.is_possible:
        raise Conflict(f"Existing records prevent this: {plan.text_of_obstacles()}", {"plan": plan.to_dict()})
    if plan.loses_data and confirm != plan.fingerprint:
        reason = "A different plan was confirmed" if confirm else "This would lose data"
        message = f"{reason}: {plan.text_of_losses()} Confirm it with {plan.fingerprint}."
        raise Conflict(message, {"plan": plan.to_dict()})


def apply_plan(actor: Actor, plan: Plan) -> None:
    """Change the tables and the stored definitions as planned, with entries in the audit trail.

    Raises Conflict if existing rows violate a constraint of a new definition.
    """
    try:
        _change_tables(plan)
    except IntegrityError as error:
        raise Conflict("Existing records violate a constraint of the new definition.") from error
    for definition in plan.dropped:
        kept_fields.delete_history(definition.name)
        counters.delete(definition.name)
        attached_files.remove_of_dropped(definition)
        feeds.delete(definition)
        _delete_definition(actor, definition.name)
        audit.record(actor, "resource.delete", ("resource", definition.name))
    for old_name, new_name in plan.new_names.items():
        _delete_definition(actor, old_name)
        audit.record(actor, "resource.rename", ("resource", old_name), name=new_name)
    kept_fields.update_for(plan.altered)
    counters.update_for(plan.altered)
    attached_files.update_for(plan.altered)
    feeds.update_for(plan.altered)
    for definition in plan.created:
        kept_fields.start(definition)
        counters.start(definition)
        feeds.start(definition)
        _store_definition(actor, definition, "resource.create")
    for change in plan.altered:
        _store_definition(actor, change.new, "resource.update")


def _change_tables(plan: Plan) -> None:
    for change in plan.altered:
        if change.old.name in plan.new_names:
            schema_changes.release_names(change.old)
    rename_tables(plan.new_names | link_tables.renamed(plan.altered))
    for definition in plan.created:
        schema_changes.create_table(definition)
    for change in plan.altered:
        schema_changes.alter_table(change, plan.new_names)
    for definition in plan.created:
        # Only now all targets exist, even if two new resources refer to each other.
        schema_changes.add_foreign_keys(definition, definition.references)
        link_tables.create_links(definition, definition.links)
    for definition in plan.dropped:
        schema_changes.drop_table(definition)


def _delete_definition(actor: Actor, name: str) -> None:
    """Delete the stored definition. Its versions stay, with an empty one at the end."""
    _add_version(actor, name, None)
    StoredDefinition.delete().where(StoredDefinition.name == name).execute()


def _store_definition(actor: Actor, definition: Definition, action: audit.Action) -> None:
    body = definition.to_dict()
    version = _add_version(actor, definition.name, body)
    changes = {"body": body, "version": version, "updated_at": utcnow()}
    if not StoredDefinition.update(changes).where(StoredDefinition.name == definition.name).execute():
        StoredDefinition.create(name=definition.name, body=body, version=version)
    audit.record(actor, action, ("resource", definition.name), version=version)


def _add_version(actor: Actor, name: str, body: dict[str, Any] | None) -> int:
    latest = DefinitionVersion.select(fn.MAX(DefinitionVersion.version)).where(DefinitionVersion.name == name).scalar()
    version: int = (latest or 0) + 1
    DefinitionVersion.create(name=name, version=version, body=body, created_by=actor.user_id)
    return version
