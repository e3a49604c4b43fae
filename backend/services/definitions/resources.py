"""Creates, changes and drops resources, one at a time."""

from collections.abc import Container, Mapping
from typing import Any

from backend.models.database import database
from backend.models.definition import DefinitionVersion, StoredDefinition
from backend.services.access.actors import Actor
from backend.services.definitions.applying import apply_plan, changing_definitions, require_consent
from backend.services.definitions.attached_files import and_files_text
from backend.services.definitions.checks import check_together
from backend.services.definitions.definition import Definition
from backend.services.definitions.names import NAME
from backend.services.definitions.parsing import parse_definition
from backend.services.definitions.plans import Plan, make_plan
from backend.services.definitions.stored import load_definitions, role_names
from backend.services.errors import Conflict, Invalid, NotFound, PreconditionFailed
from backend.utils.nearest import nearest
from backend.utils.problems import Problem


def list_resources() -> list[StoredDefinition]:
    """Return every StoredDefinition, sorted by name."""
    return list(StoredDefinition.select().order_by(StoredDefinition.name))


def get_resource(name: str) -> StoredDefinition:
    """Return the StoredDefinition. Raises NotFound if there is none of this name."""
    # A path may contain a NUL, and Postgres fails at one in a text.
    stored = StoredDefinition.get_or_none(StoredDefinition.name == name) if NAME.fullmatch(name) else None
    if stored is None:
        raise _not_found(name)
    return stored


def list_versions(name: str) -> list[DefinitionVersion]:
    """Return every DefinitionVersion of a resource, the latest first; the resource may have been dropped.

    Raises NotFound if there has never been a resource of this name.
    """
    query = DefinitionVersion.select().where(DefinitionVersion.name == name).order_by(DefinitionVersion.version.desc())
    versions = list(query) if NAME.fullmatch(name) else []
    if not versions:
        raise _not_found(name)
    return versions


def get_version(name: str, version: int) -> DefinitionVersion:
    """Return a DefinitionVersion of a resource, which may have been dropped. Raises NotFound if there is none."""
    found = (DefinitionVersion.name == name) & (DefinitionVersion.version == version)
    stored = DefinitionVersion.get_or_none(found) if NAME.fullmatch(name) else None
    if stored is None:
        raise NotFound(f"There is no version {version} of this resource.")
    return stored


def create_resource(actor: Actor, data: dict[str, Any]) -> StoredDefinition:
    """Create a resource and its table; return its StoredDefinition.

    Raises Invalid if the definition is not valid, Conflict if the name is in use.
    """
    with changing_definitions() as definitions:
        definition = _new_definition(definitions, data)
        apply_plan(actor, _plan(definitions, definition))
        return get_resource(definition.name)


def plan_new_resource(data: dict[str, Any]) -> Plan:
    """Return the Plan that create_resource would apply to the same data. Raises the same Conflict and Invalid."""
    with database.time_limit(None), database.atomic():
        definitions = load_definitions()
        return _plan(definitions, _new_definition(definitions, data))


def plan_resource(name: str, data: dict[str, Any]) -> Plan:
    """Return the Plan that replace_resource would apply to the same data. Raises the same NotFound and Invalid."""
    with database.time_limit(None), database.atomic():
        definitions = load_definitions()
        return _plan(definitions, _replacement(definitions, name, data))


def replace_resource(
    actor: Actor,
    name: str,
    data: dict[str, Any],
    *,
    confirm: str | None = None,
    if_match: Container[str] | None = None,
) -> StoredDefinition:
    """Change a resource and its records to the definition in `data`; return its StoredDefinition.

    `if_match` holds the accepted versions of the definition, as texts; None accepts any. Raises NotFound if there is no
    such resource, PreconditionFailed if its version is not accepted, and Invalid if the definition is not valid. Raises
    Conflict if existing records prevent the change, or if it would lose data and `confirm` is not the fingerprint of
    its plan.
    """
    with changing_definitions() as definitions:
        _require_version(definitions, name, if_match)
        definition = _replacement(definitions, name, data)
        plan = _plan(definitions, definition)
        require_consent(plan, confirm)
        apply_plan(actor, plan)
        return get_resource(definition.name)


def delete_resource(
    actor: Actor, name: str, *, confirmed: bool = False, if_match: Container[str] | None = None
) -> None:
    """Drop a resource with its records.

    Raises NotFound and PreconditionFailed as replace_resource does. Raises Conflict if other resources refer to it, if
    their row rules lead through it, or if it has records and this is not `confirmed`.
    """
    with changing_definitions() as definitions:
        _require_version(definitions, name, if_match)
        others = [other for other in definitions.values() if other.name != name]
        if referring := [other.name for other in others if any(field.to == name for field in other.referring.values())]:
            raise Conflict(f"Other resources refer to this one: {', '.join(referring)}.")
        plan = make_plan(definitions, {}, [name])
        _require_unused_in_rules(name, plan, definitions)
        records = plan.steps[0].records
        if records and not confirmed:
            counted = "1 record" if records == 1 else f"{records:,} records"
            counted += and_files_text(definitions[name])
            raise Conflict(f"The resource has {counted}. Send ?confirm=true to drop what it has as well.")
        apply_plan(actor, plan)


def _require_unused_in_rules(name: str, plan: Plan, definitions: Mapping[str, Definition]) -> None:
    """Raise Conflict if a row rule of another resource leads through this one, which the plan drops."""
    try:
        check_together(plan.outcome(definitions))
    except Invalid as error:
        raise Conflict(f"Row rules lead through {name}: those of {', '.join(sorted(error.errors))}.") from error


def _require_version(definitions: Mapping[str, Definition], name: str, if_match: Container[str] | None) -> None:
    if name not in definitions:
        raise _not_found(name)
    if if_match is not None and str(definitions[name].version) not in if_match:
        raise PreconditionFailed("The definition has changed since you read it; read it again.")


def _new_definition(definitions: Mapping[str, Definition], data: dict[str, Any]) -> Definition:
    """Return the Definition in `data`, of a new resource. Raises Invalid or Conflict as create_resource does."""
    definition = parse_definition(data, role_names())
    if definition.name in definitions:
        raise _name_in_use(definition.name)
    _refuse_former_names(definition)
    return definition


def _replacement(definitions: Mapping[str, Definition], name: str, data: dict[str, Any]) -> Definition:
    """Return the Definition in `data` that replaces the resource `name`; `data` may leave the name out.

    Raises NotFound, Invalid or Conflict as replace_resource does.
    """
    if name not in definitions:
        raise _not_found(name)
    definition = parse_definition({"name": name} | data, role_names(), current=definitions[name])
    if definition.name != name and name not in definition.former_names:
        text = f"The path names the resource {name}. To rename it, add `renamed_from: {name}`."
        raise Invalid({"name": [Problem("not_allowed", text)]})
    if definition.name != name and definition.name in definitions:
        raise _name_in_use(definition.name)
    return definition


def _plan(definitions: Mapping[str, Definition], definition: Definition) -> Plan:
    """Return the Plan of a change to one definition. Raises Invalid, keyed by the parts of the definition."""
    try:
        plan = make_plan(definitions, {definition.name: definition})
        check_together(plan.outcome(definitions))
    except Invalid as error:  # keyed by resource
        raise Invalid(error.errors.get(definition.name, error.errors)) from error
    return plan


def _refuse_former_names(definition: Definition) -> None:
    """Raise Invalid if a new resource or one of its fields declares former names: only a PUT renames."""
    text = "A new resource has no former names. To rename a resource, send PUT to its path."
    messages = [Problem("not_allowed", text)]
    problems: dict[str, Any] = {"renamed_from": messages} if definition.former_names else {}
    if renamed := [name for name, field in definition.fields.items() if field.former_names]:
        problems["fields"] = {name: {"renamed_from": messages} for name in renamed}
    if problems:
        raise Invalid(problems)


def _not_found(name: str) -> NotFound:
    near = nearest(name, load_definitions())
    return NotFound(f"There is no resource {name}.{f' Did you mean {near}?' if near else ''}")


def _name_in_use(name: str) -> Conflict:
    return Conflict(f"There is already a resource {name}.")
