"""Declares, changes and drops resources; every change is one transaction, after which the generation has grown."""

from contextlib import contextmanager

from peewee import IntegrityError, fn

from backend.models.database import database
from backend.models.definition import DefinitionVersion, Generation, StoredDefinition
from backend.models.records import build_model
from backend.models.user import UserSettings
from backend.services import audit, schema_changes
from backend.services.catalog import load_definitions, role_names
from backend.services.definitions import NAME, check_references, parse_definition
from backend.services.errors import Conflict, Invalid, NotFound
from backend.services.policies import require_permission
from backend.services.profiles import apply_settings
from backend.services.roles import apply_roles, export_roles
from backend.utils.clock import utcnow

READ, WRITE = "resources:read", "resources:write"


def list_resources(actor):
    """Return every StoredDefinition, by name."""
    require_permission(actor, READ)
    return list(StoredDefinition.select().order_by(StoredDefinition.name))


def get_resource(actor, name):
    """Return the StoredDefinition; raise NotFound."""
    require_permission(actor, READ)
    return _stored(name)


def create_resource(actor, data):
    """Declare a resource and create its table; return its StoredDefinition.

    Raises Invalid when the declaration is wrong, Conflict when the name is taken.
    """
    require_permission(actor, WRITE)
    with _changing() as definitions:
        definition = parse_definition(data, role_names())
        if definition.name in definitions:
            raise Conflict(f"There is a resource {definition.name} already.")
        _check_all(definitions | {definition.name: definition}, definition.name)
        _create(actor, [definition])
    return _stored(definition.name)


def replace_resource(actor, name, data):
    """Change a resource to what `data` declares; return its StoredDefinition.

    Raises Invalid, NotFound, and Conflict when the change is not one that the rows in place always survive.
    """
    require_permission(actor, WRITE)
    if data.setdefault("name", name) != name:
        raise Invalid({"name": [f"This is the resource {name}; renaming is not supported yet."]})
    with _changing() as definitions:
        if name not in definitions:
            raise NotFound(f"There is no resource {name}.")
        definition = parse_definition(data, role_names())
        _check_all(definitions | {name: definition}, name)
        _alter(actor, definitions[name], definition)
    return _stored(name)


def delete_resource(actor, name, *, confirmed=False):
    """Drop a resource; one that holds records only when that is confirmed. Raises NotFound, Conflict."""
    require_permission(actor, WRITE)
    with _changing() as definitions:
        if name not in definitions:
            raise NotFound(f"There is no resource {name}.")
        if referrers := [
            other.name
            for other in definitions.values()
            if other.name != name and any(kind.to == name for kind in other.references.values())
        ]:
            raise Conflict(f"The resource is still referred to by {', '.join(referrers)}.")
        records = build_model(definitions[name], database.obj).select().count()
        if records and not confirmed:
            raise Conflict(f"The resource holds {records} records; say ?confirm=true to lose them.")
        schema_changes.drop_table(definitions[name])
        audit.record(actor, "resource.delete", ("resource", name), records=records)
        _keep_version(actor, name, None)
        StoredDefinition.delete().where(StoredDefinition.name == name).execute()


def apply_document(actor, document):
    """Bring roles and resources to what a file declares, in one transaction; those it does not name stay as they are.

    `document` is `{"roles": {…}, "users": {"fields": {…}}, "resources": {…}}`. Returns [(name, "created" | "changed" |
    "unchanged")], the roles first. Raises as create_resource and replace_resource do, with `details` keyed by resource.
    """
    require_permission(actor, WRITE)
    roles, declared, users = _parts(document)
    with _changing() as definitions:
        outcome = apply_roles(actor, roles)
        if "fields" in users:
            changed = apply_settings(actor, users["fields"])
            outcome.append(("users", "changed" if changed else "unchanged"))
        wanted = _parse_all(declared, role_names())
        check_references(definitions | wanted)
        created = [definition for name, definition in wanted.items() if name not in definitions]
        _create(actor, created)
        for name, definition in wanted.items():
            if definition in created:
                outcome.append((name, "created"))
            else:
                changed = _alter(actor, definitions[name], definition)
                outcome.append((name, "changed" if changed else "unchanged"))
    return outcome


def export_document(actor):
    """Return all roles made by admins and all resources, as apply_document takes them."""
    require_permission(actor, READ)
    resources = {row.name: row.body for row in list_resources(actor)}
    roles, fields = export_roles(), UserSettings.current_fields()
    users = {"users": {"fields": fields}} if fields else {}
    return ({"roles": roles} if roles else {}) | users | {"resources": resources}


@contextmanager
def _changing():
    """Hold the definitions for a change in one transaction; yields them by name."""
    try:
        with database.atomic():
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


def _stored(name):
    # Postgres fails at a NUL in a text, and a path may hold one.
    stored = StoredDefinition.get_or_none(StoredDefinition.name == name) if NAME.fullmatch(name) else None
    if stored is None:
        raise NotFound(f"There is no resource {name}.")
    return stored


def _check_all(definitions, name):
    try:
        check_references(definitions)
    except Invalid as error:
        raise Invalid(error.errors.get(name, error.errors)) from error


def _create(actor, definitions):
    for definition in definitions:
        schema_changes.create_table(definition)
    for definition in definitions:
        # Only now does every target exist, also when two resources refer to each other.
        schema_changes.add_foreign_keys(definition, definition.references)
        version = _keep_version(actor, definition.name, definition.to_dict())
        StoredDefinition.create(name=definition.name, body=definition.to_dict(), version=version)
        audit.record(actor, "resource.create", ("resource", definition.name), version=version)


def _alter(actor, old, new):
    """Carry out a change and tell whether there was one."""
    if old.to_dict() == new.to_dict():
        return False
    if problems := schema_changes.forbidden_changes(old, new):
        raise Conflict(f"The change of {new.name} is not one that Larder can make yet.", {"json": problems})
    schema_changes.alter_table(old, new)
    added = [name for name in schema_changes.added_fields(old, new) if name in new.references]
    schema_changes.add_foreign_keys(new, added)
    version = _keep_version(actor, new.name, new.to_dict())
    changes = {"body": new.to_dict(), "version": version, "updated_at": utcnow()}
    StoredDefinition.update(changes).where(StoredDefinition.name == new.name).execute()
    audit.record(actor, "resource.update", ("resource", new.name), version=version)
    return True


def _keep_version(actor, name, body):
    latest = DefinitionVersion.select(fn.MAX(DefinitionVersion.version)).where(DefinitionVersion.name == name).scalar()
    version = (latest or 0) + 1
    DefinitionVersion.create(name=name, version=version, body=body, created_by=actor.user_id)
    return version


def _parts(document):
    if not isinstance(document, dict) or set(document) - {"roles", "users", "resources"}:
        raise Invalid({"_schema": ["A file has `resources` and, if need be, `roles`, each an object by name."]})
    parts = [document.get(name) or {} for name in ("roles", "resources", "users")]
    if not all(isinstance(part, dict) for part in parts):
        raise Invalid({"_schema": ["`resources` and `roles` are objects by name."]})
    if set(parts[2]) - {"fields"}:
        raise Invalid({"users": ["The only setting of users is `fields`."]})
    return parts


def _parse_all(declared, roles):
    wanted, problems = {}, {}
    for name, body in declared.items():
        try:
            if not isinstance(body, dict) or "name" in body:
                raise Invalid(["Not an object with `fields`; its name is the key before it."])
            wanted[name] = parse_definition({"name": name, **body}, roles)
        except Invalid as error:
            problems[str(name)[:80]] = error.errors
    if problems:
        raise Invalid(problems)
    return wanted
