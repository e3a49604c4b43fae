"""Plans, applies and exports documents, which declare roles, profile fields and resources together."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from backend.models.database import database
from backend.services.access.actors import Actor
from backend.services.accounts.profile_fields import lost_values
from backend.services.accounts.roles import apply_roles, export_roles
from backend.services.accounts.user_settings import PARTS, apply_settings, export_settings
from backend.services.definitions.applying import apply_plan, changing_definitions, require_consent
from backend.services.definitions.checks import check_together
from backend.services.definitions.counters import next_numbers_of_sequences
from backend.services.definitions.definition import Definition
from backend.services.definitions.names import shown_name
from backend.services.definitions.parsing import parse_definition
from backend.services.definitions.people import read_settings
from backend.services.definitions.plans import Plan, make_plan
from backend.services.definitions.resources import list_resources
from backend.services.definitions.steps import Action, Step, make_step, rows_of
from backend.services.definitions.stored import load_definitions, role_names
from backend.services.errors import Invalid
from backend.utils.problems import Problem
from backend.utils.unknown_fields import propose_field

Outcome = tuple[str, str]  # a name, and "created", "changed", "dropped" or "unchanged"


class Document(NamedTuple):
    """The parts of a document: maps of name to declaration."""

    roles: dict[Any, Any]
    users: dict[Any, Any]
    resources: dict[Any, Any]


def plan_document(actor: Actor, document: Any) -> Plan:
    """Return the Plan that apply_document would apply. Raises the same errors, except those about consent."""
    parts = _read(document)
    with database.time_limit(None), database.atomic() as transaction:
        _, steps = _apply_accounts(actor, parts)
        plan = _plan_resources(load_definitions(), parts.resources)
        transaction.rollback()  # of roles and profile fields, which were changed because resources may depend on them
    return replace(plan, steps=[*steps, *plan.steps])


def apply_document(actor: Actor, document: Any, *, confirm: str | None = None) -> list[Outcome]:
    """Apply the declarations of roles, profile fields and resources in a document, in one transaction.

    `document` is `{"roles": {…}, "users": {"fields": {…}, "directory": {…}}, "resources": {…}}`. A resource that is
    null is dropped; roles, settings of users and resources that are not in the document stay. Returns an Outcome for
    each name, the roles first.

    Raises the errors of create_resource and replace_resource, with `details` keyed by resource.
    """
    parts = _read(document)
    with changing_definitions() as definitions:
        outcomes, steps = _apply_accounts(actor, parts)
        plan = _plan_resources(definitions, parts.resources)
        plan = replace(plan, steps=[*steps, *plan.steps])
        require_consent(plan, confirm)
        apply_plan(actor, plan)
    return outcomes + [(name, _outcome(plan, name)) for name in parts.resources]


def _outcome(plan: Plan, name: str) -> str:
    change = next((change for change in plan.changes if change.name == name), None)
    if change is None:
        return "unchanged"
    return "created" if change.old is None else "dropped" if change.new is None else "changed"


def export_document(*, next_numbers: bool = False) -> dict[str, Any]:
    """Return a document with all roles that admins created, the settings of users and all resources.

    With `next_numbers`, each sequence starts with its next number, so that another database continues it.
    """
    resources = {row.name: row.body for row in list_resources()}
    for resource, field, number in next_numbers_of_sequences() if next_numbers else ():
        resources[resource]["fields"][field]["start"] = number
    optional = {"roles": export_roles(), "users": export_settings()}
    return {part: value for part, value in optional.items() if value} | {"resources": resources}


def _read(document: Any) -> Document:
    """Return the parts of a document. Raises Invalid if its structure is not valid."""
    if not isinstance(document, dict):
        text = "A document is an object of `roles`, `users` and `resources`."
        raise Invalid({"_schema": [Problem("wrong_type", text, expected="object")]})
    text = "A document can have only `roles`, `users` and `resources`."
    problem = Problem("unknown_field", text, choices=list(Document._fields))
    if unknown := [name for name in document if name not in Document._fields]:
        raise Invalid({shown_name(name): [_explain_part(problem, name, document[name])] for name in unknown})
    parts = Document(**{part: document.get(part) or {} for part in Document._fields})
    if invalid := [part for part, value in parts._asdict().items() if not isinstance(value, dict)]:
        problem = Problem("wrong_type", "Must be an object that maps names to declarations.", expected="object")
        raise Invalid({part: [problem] for part in invalid})
    text = f"Users can have only the settings {' and '.join(f'`{part}`' for part in PARTS)}."
    problem = Problem("unknown_field", text, choices=list(PARTS))
    if unknown := [name for name in parts.users if name not in PARTS]:
        raise Invalid({"users": {shown_name(name): [propose_field(problem, name, PARTS)] for name in unknown}})
    return parts


def _explain_part(problem: Problem, name: object, declared: Any) -> Problem:
    """Return the problem of a part that documents do not have."""
    if isinstance(declared, dict) and "fields" in declared:
        return problem.with_text(f"{problem} Declare the resource {shown_name(name)} below `resources`.")
    return propose_field(problem, name, Document._fields)


def _apply_accounts(actor: Actor, parts: Document) -> tuple[list[Outcome], list[Step]]:
    """Apply the roles and the settings of users in a document; return the outcomes and the steps."""
    outcomes = apply_roles(actor, parts.roles)
    actions: dict[str, Action] = {"created": "create_role", "changed": "change_role"}
    changed = [(name, actions[outcome]) for name, outcome in outcomes if outcome in actions]
    steps = [make_step(action, "roles", f"{_verb(action)} the role {name}.", name) for name, action in changed]
    if parts.users:
        lost = lost_values(parts.users["fields"]) if "fields" in parts.users else {}
        changed_parts = apply_settings(actor, parts.users, confirmed=True)  # the whole plan must be confirmed
        outcomes = [*outcomes, ("users", "changed" if changed_parts else "unchanged")]
        steps += [_profile_fields_step(lost)] if "fields" in changed_parts else []
        steps += [_directory_step()] if "directory" in changed_parts else []
    return outcomes, steps


def _verb(action: Action) -> str:
    return action.partition("_")[0].title()


def _profile_fields_step(lost: Mapping[str, list[str]]) -> Step:
    """Return the step of a change of profile fields; `lost` maps ids of users to the fields whose values they lose."""
    names, rows = sorted({name for fields in lost.values() for name in fields}), rows_of(sorted(lost))
    users = "1 user" if rows.total == 1 else f"{rows.total} users"
    loss = f", losing the values of {', '.join(names)} of {users}" if rows.total else ""
    text = f"Change the profile fields{loss}."
    return make_step("change_user_fields", "users", text, ", ".join(names) or None, losing=rows)


def _directory_step() -> Step:
    """Return the step of a changed directory, which is stored already."""
    roles, fields = (", ".join(names) for names in read_settings().directory.values())
    text = f"Show users to {roles or 'no role but admin'}, with {fields or 'nothing but the id'}."
    return make_step("change_directory", "users", text)


def _plan_resources(definitions: Mapping[str, Definition], declared: Mapping[str, Any]) -> Plan:
    """Return the Plan to the declared resources. Raises Invalid, keyed by resource."""
    wanted = _parse_all(definitions, {name: body for name, body in declared.items() if body is not None})
    plan = make_plan(definitions, wanted, [name for name, body in declared.items() if body is None])
    check_together(plan.outcome(definitions))
    return plan


def _parse_all(definitions: Mapping[str, Definition], declared: Mapping[Any, Any]) -> dict[str, Definition]:
    roles, wanted, problems = role_names(), {}, {}
    for name, body in declared.items():
        try:
            if not isinstance(body, dict) or "name" in body:
                text = "Must be an object with `fields` and without `name`, which is its key."
                raise Invalid([Problem("wrong_type", text, expected="object")])
            wanted[name] = parse_definition({"name": name, **body}, roles, current=definitions.get(name))
        except Invalid as error:
            problems[shown_name(name)] = error.errors
    if problems:
        raise Invalid(problems)
    return wanted
