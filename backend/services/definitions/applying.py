"""Carries out plans: every change of definitions is one transaction, after which the generation has grown."""

from contextlib import contextmanager

from peewee import IntegrityError, fn

from backend.models.database import database
from backend.models.definition import DefinitionVersion, Generation, StoredDefinition
from backend.services.access import audit
from backend.services.definitions import kept_fields, schema_changes
from backend.services.definitions.catalog import load_definitions
from backend.services.errors import Conflict
from backend.utils.clock import utcnow


@contextmanager
def changing():
    """Hold the definitions for a change in one transaction; yields them by name."""
    try:
        with database.time_limit(None), database.reshaping():  # all rows of a table may change
            database.lock_definitions()
            definitions = load_definitions()
            versions = _version_count()
            yield definitions
            if _version_count() != versions:
                Generation.advance()
    except IntegrityError as error:
        raise Conflict("The records in place violate a constraint of the new definition.") from error


def _version_count():
    return DefinitionVersion.select().count()


def require_consent(plan, confirm):
    """Raise Conflict unless the rows in place let the plan happen and, if it loses data, it was confirmed."""
    if not plan.is_possible:
        told = plan.in_words("impossible")
        raise Conflict(f"The records in place stand against it: {told}", {"plan": plan.to_dict()})
    if plan.loses_data and confirm != plan.fingerprint:
        why = "This is another plan than the one confirmed" if confirm else "It would lose data"
        told = f"{why}: {plan.in_words('loses_data')} Confirm it with {plan.fingerprint}."
        raise Conflict(told, {"plan": plan.to_dict()})


def apply_plan(actor, plan):
    """Carry out a plan."""
    created = [change.new for change in plan.changes if change.old is None]
    altered = [change for change in plan.changes if change.old and change.new]
    dropped = [change.old for change in plan.changes if change.new is None]
    renamed = {change.old.name: change.new.name for change in altered if change.old.name != change.new.name}
    for change in altered:
        if change.old.name in renamed:
            schema_changes.release_names(change.old)
    schema_changes.rename_tables(renamed)
    for definition in created:
        schema_changes.create_table(definition)
    for change in altered:
        schema_changes.alter_table(change, renamed)
    for definition in created:
        # Only now does every target exist, also when two resources refer to each other.
        schema_changes.add_foreign_keys(definition, definition.references)
    for definition in dropped:
        _drop(actor, definition)
    for old_name, new_name in renamed.items():
        _forget(actor, old_name)
        audit.record(actor, "resource.rename", ("resource", old_name), name=new_name)
    kept_fields.follow(altered)
    for definition in created:
        kept_fields.begin(definition)
    for definition in [*created, *(change.new for change in altered)]:
        _store(actor, definition, is_new=definition in created)


def _drop(actor, definition):
    schema_changes.drop_table(definition)
    kept_fields.forget(definition.name)
    _forget(actor, definition.name)
    audit.record(actor, "resource.delete", ("resource", definition.name))


def _forget(actor, name):
    _keep_version(actor, name, None)
    StoredDefinition.delete().where(StoredDefinition.name == name).execute()


def _store(actor, definition, *, is_new):
    body = definition.to_dict()
    version = _keep_version(actor, definition.name, body)
    changes = {"body": body, "version": version, "updated_at": utcnow()}
    if not StoredDefinition.update(changes).where(StoredDefinition.name == definition.name).execute():
        StoredDefinition.create(name=definition.name, body=body, version=version)
    audit.record(
        actor, "resource.create" if is_new else "resource.update", ("resource", definition.name), version=version
    )


def _keep_version(actor, name, body):
    latest = DefinitionVersion.select(fn.MAX(DefinitionVersion.version)).where(DefinitionVersion.name == name).scalar()
    version = (latest or 0) + 1
    DefinitionVersion.create(name=name, version=version, body=body, created_by=actor.user_id)
    return version
