"""Declares, changes and drops single resources."""

from contextlib import contextmanager

from backend.models.database import database
from backend.models.definition import DefinitionVersion, StoredDefinition
from backend.services.definitions.applying import apply_plan, changing, require_consent
from backend.services.definitions.catalog import load_definitions, role_names
from backend.services.definitions.changes import Change
from backend.services.definitions.checks import check_references
from backend.services.definitions.names import NAME
from backend.services.definitions.parsing import parse_definition
from backend.services.definitions.plans import Plan, make_plan
from backend.services.errors import Conflict, Invalid, NotFound


def list_resources():
    """Return every StoredDefinition, by name."""
    return list(StoredDefinition.select().order_by(StoredDefinition.name))


def get_resource(name):
    """Return the StoredDefinition; raise NotFound."""
    return _stored(name)


def list_versions(name):
    """Return every DefinitionVersion of a resource, also of one that was dropped, the latest first; raise NotFound."""
    kept = DefinitionVersion.select().where(DefinitionVersion.name == name).order_by(DefinitionVersion.version.desc())
    versions = list(kept) if NAME.fullmatch(name) else []
    if not versions:
        raise _missing(name)
    return versions


def create_resource(actor, data):
    """Declare a resource and create its table; return its StoredDefinition.

    Raises Invalid when the declaration is wrong, Conflict when the name is taken.
    """
    with changing() as definitions:
        definition = parse_definition(data, role_names())
        if definition.name in definitions:
            raise Conflict(f"There is a resource {definition.name} already.")
        _refuse_former_names(definition)
        with _about(definition.name):
            check_references(definitions | {definition.name: definition})
        apply_plan(actor, Plan([Change(None, definition)], []))
        return _stored(definition.name)


def plan_resource(name, data):
    """Return the Plan of what replace_resource would do with the same data; raises what it would for wrong data."""
    with database.time_limit(None), database.atomic():
        return _plan_one(load_definitions(), name, data)


def replace_resource(actor, name, data, *, confirm=None):
    """Change a resource to what `data` declares, with the records in it; return its StoredDefinition.

    Raises Invalid, NotFound, and Conflict when the records in place do not let it happen, or when it would lose data
    and `confirm` is not the fingerprint of this very plan. Nothing is changed then.
    """
    with changing() as definitions:
        plan = _plan_one(definitions, name, data)
        require_consent(plan, confirm)
        apply_plan(actor, plan)
        return _stored(data["name"])


def delete_resource(actor, name, *, confirmed=False):
    """Drop a resource; one that holds records only when that is confirmed. Raises NotFound, Conflict."""
    with changing() as definitions:
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
        apply_plan(actor, plan)


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
        check_references(plan.outcome(definitions))
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


@contextmanager
def _about(name):
    """Have what is wrong with a resource told without its name: the call is about no other."""
    try:
        yield
    except Invalid as error:
        raise Invalid(error.errors.get(name, error.errors)) from error
