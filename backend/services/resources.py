"""Declares, changes and drops resources; every change is one transaction, after which the generation has grown."""

from contextlib import contextmanager
from dataclasses import replace

from peewee import IntegrityError, fn

from backend.models.database import database
from backend.models.definition import DefinitionVersion, Generation, StoredDefinition
from backend.models.user import UserSettings
from backend.services import audit, history, schema_changes
from backend.services.catalog import load_definitions, role_names
from backend.services.changes import Change
from backend.services.definitions import NAME, check_references, parse_definition
from backend.services.errors import Conflict, Invalid, NotFound
from backend.services.plans import SHOWN_IDS, Plan, Step, make_plan
from backend.services.policies import require_permission
from backend.services.profiles import apply_settings, lost_values
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


def list_versions(actor, name):
    """Return every DefinitionVersion of a resource, also of one that was dropped, the latest first; raise NotFound."""
    require_permission(actor, READ)
    kept = DefinitionVersion.select().where(DefinitionVersion.name == name).order_by(DefinitionVersion.version.desc())
    versions = list(kept) if NAME.fullmatch(name) else []
    if not versions:
        raise _missing(name)
    return versions


def create_resource(actor, data):
    """Declare a resource and create its table; return its StoredDefinition.

    Raises Invalid when the declaration is wrong, Conflict when the name is taken.
    """
    require_permission(actor, WRITE)
    with _changing() as definitions:
        definition = parse_definition(data, role_names())
        if definition.name in definitions:
            raise Conflict(f"There is a resource {definition.name} already.")
        _refuse_former_names(definition)
        with _about(definition.name):
            check_references(definitions | {definition.name: definition})
        _apply(actor, Plan([Change(None, definition)], []))
        return _stored(definition.name)


def plan_resource(actor, name, data):
    """Return the Plan of what replace_resource would do with the same data; raises what it would for wrong data."""
    require_permission(actor, WRITE)
    with database.time_limit(None), database.atomic():
        return _plan_one(load_definitions(), name, data)


def replace_resource(actor, name, data, *, confirm=None):
    """Change a resource to what `data` declares, with the records in it; return its StoredDefinition.

    Raises Invalid, NotFound, and Conflict when the records in place do not let it happen, or when it would lose data
    and `confirm` is not the fingerprint of this very plan. Nothing is changed then.
    """
    require_permission(actor, WRITE)
    with _changing() as definitions:
        plan = _plan_one(definitions, name, data)
        _require_consent(plan, confirm)
        _apply(actor, plan)
        return _stored(data["name"])


def delete_resource(actor, name, *, confirmed=False):
    """Drop a resource; one that holds records only when that is confirmed. Raises NotFound, Conflict."""
    require_permission(actor, WRITE)
    with _changing() as definitions:
        if name not in definitions:
            raise _missing(name)
        if referrers := [
            other.name
            for other in definitions.values()
            if other.name != name and any(kind.to == name for kind in other.references.values())
        ]:
            raise Conflict(f"The resource is still referred to by {', '.join(referrers)}.")
        plan = make_plan(definitions, {}, [name])
        records = plan.steps[0].records
        if records and not confirmed:
            raise Conflict(f"The resource holds {records} records; say ?confirm=true to lose them.")
        _apply(actor, plan)


def plan_document(actor, document):
    """Return the Plan of what apply_document would do with the same document; raises what it would, but for consent."""
    require_permission(actor, WRITE)
    with database.time_limit(None), database.atomic() as transaction:
        _, plan = _begin_document(actor, load_definitions(), document)
        transaction.rollback()  # of roles and fields of users: what the resources say depends on them
    return plan


def apply_document(actor, document, *, confirm=None):
    """Bring roles and resources to what a file declares, in one transaction; those it does not name stay as they are.

    `document` is `{"roles": {…}, "users": {"fields": {…}}, "resources": {…}}`; a resource of null is dropped. Returns
    [(name, "created" | "changed" | "dropped" | "unchanged")], the roles first. Raises as create_resource and
    replace_resource do, with `details` keyed by resource.
    """
    require_permission(actor, WRITE)
    with _changing() as definitions:
        outcome, plan = _begin_document(actor, definitions, document)
        _require_consent(plan, confirm)
        _apply(actor, plan)
    done = {change.name: change for change in plan.changes}
    for name in document.get("resources") or {}:
        change = done.get(name)
        what = "unchanged" if change is None else "dropped" if change.new is None else "changed"
        outcome.append((name, "created" if change and change.old is None else what))
    return outcome


def _begin_document(actor, definitions, document):
    """Bring roles and fields of users to what a document declares; return what became of them, and the whole Plan."""
    roles, declared, users = _parts(document)
    outcome = apply_roles(actor, roles)
    verbs = {"created": ("create_role", "Create"), "changed": ("change_role", "Change")}
    steps = [
        Step(action=verbs[what][0], resource="roles", subject=name, text=f"{verbs[what][1]} the role {name}.")
        for name, what in outcome
        if what in verbs
    ]
    if "fields" in users:
        lost = lost_values(users["fields"])
        has_changed = apply_settings(actor, users["fields"], confirmed=True)  # _require_consent asks for the whole plan
        outcome.append(("users", "changed" if has_changed else "unchanged"))
        steps += [_settings_step(lost)] if has_changed else []
    plan = _plan_all(definitions, declared, role_names())
    return outcome, replace(plan, steps=[*steps, *plan.steps])


def _settings_step(lost):
    names, ids = sorted({name for each in lost.values() for name in each}), sorted(lost)
    accounts = "1 account" if len(ids) == 1 else f"{len(ids)} accounts"
    text = f", losing the values of {', '.join(names)} in {accounts}" if ids else ""
    return Step(
        action="change_user_fields",
        resource="users",
        subject=", ".join(names) or None,
        text=f"Change the fields of users{text}.",
        loses_data=bool(ids),
        records=len(ids),
        ids=ids[:SHOWN_IDS],
    )


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


def _stored(name):
    # Postgres fails at a NUL in a text, and a path may hold one.
    stored = StoredDefinition.get_or_none(StoredDefinition.name == name) if NAME.fullmatch(name) else None
    if stored is None:
        raise _missing(name)
    return stored


def _missing(name):
    return NotFound(f"There is no resource {name}.")


def _plan_one(definitions, name, data):
    """Return the Plan of a change of one resource; `data` gets its name if it has none."""
    if name not in definitions:
        raise _missing(name)
    definition = parse_definition({"name": name} | data, role_names(), in_place=definitions[name])
    if definition.name != name and name not in definition.former_names:
        told = f"This is the resource {name}; to rename it say so: `renamed_from: {name}`."
        raise Invalid({"name": [told]})
    if definition.name != name and definition.name in definitions:
        raise Conflict(f"There is a resource {definition.name} already.")
    with _about(definition.name):
        plan = make_plan(definitions, {definition.name: definition})
        check_references(_outcome(definitions, plan))
    data["name"] = definition.name
    return plan


def _refuse_former_names(definition):
    """Raise Invalid for a new resource that says it is, or has, something renamed: a PUT does that."""
    told = ["A new resource takes nothing over. To rename, send PUT to the resource that is there."]
    named = [name for name, kind in definition.fields.items() if kind.former_names]
    problems = {"renamed_from": told} if definition.former_names else {}
    if named:
        problems["fields"] = {name: {"renamed_from": told} for name in named}
    if problems:
        raise Invalid(problems)


def _plan_all(definitions, declared, roles):
    wanted = _parse_all(definitions, {name: body for name, body in declared.items() if body is not None}, roles)
    plan = make_plan(definitions, wanted, [name for name, body in declared.items() if body is None])
    check_references(_outcome(definitions, plan))
    return plan


def _outcome(definitions, plan):
    """Return the definitions that are in force after the plan, by name."""
    gone = {change.old.name for change in plan.changes if change.old}
    stay = {name: each for name, each in definitions.items() if name not in gone}
    return stay | {change.new.name: change.new for change in plan.changes if change.new}


def _require_consent(plan, confirm):
    """Raise Conflict unless the rows in place let the plan happen and, if it loses data, it was confirmed."""
    if not plan.is_possible:
        told = plan.in_words("impossible")
        raise Conflict(f"The records in place stand against it: {told}", {"plan": plan.to_dict()})
    if plan.loses_data and confirm != plan.fingerprint:
        why = "This is another plan than the one confirmed" if confirm else "It would lose data"
        told = f"{why}: {plan.in_words('loses_data')} Confirm it with {plan.fingerprint}."
        raise Conflict(told, {"plan": plan.to_dict()})


@contextmanager
def _about(name):
    """Have what is wrong with a resource told without its name: the call is about no other."""
    try:
        yield
    except Invalid as error:
        raise Invalid(error.errors.get(name, error.errors)) from error


def _apply(actor, plan):
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
    history.follow(altered)
    for definition in created:
        history.begin(definition)
    for definition in [*created, *(change.new for change in altered)]:
        _store(actor, definition, is_new=definition in created)


def _drop(actor, definition):
    schema_changes.drop_table(definition)
    history.forget(definition.name)
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


def _parts(document):
    if not isinstance(document, dict) or set(document) - {"roles", "users", "resources"}:
        raise Invalid({"_schema": ["A file has `resources` and, if need be, `roles`, each an object by name."]})
    parts = [document.get(name) or {} for name in ("roles", "resources", "users")]
    if not all(isinstance(part, dict) for part in parts):
        raise Invalid({"_schema": ["`resources` and `roles` are objects by name."]})
    if set(parts[2]) - {"fields"}:
        raise Invalid({"users": ["The only setting of users is `fields`."]})
    return parts


def _parse_all(definitions, declared, roles):
    wanted, problems = {}, {}
    for name, body in declared.items():
        try:
            if not isinstance(body, dict) or "name" in body:
                raise Invalid(["Not an object with `fields`; its name is the key before it."])
            wanted[name] = parse_definition({"name": name, **body}, roles, in_place=definitions.get(name))
        except Invalid as error:
            problems[str(name)[:80]] = error.errors
    if problems:
        raise Invalid(problems)
    return wanted
