"""A document of roles, fields of users and resources together: planned, applied and exported as a whole."""

from dataclasses import replace

from backend.models.database import database
from backend.services.accounts.profile_fields import apply_fields, declared_fields, lost_values
from backend.services.accounts.roles import apply_roles, export_roles
from backend.services.definitions.applying import apply_plan, changing, require_consent
from backend.services.definitions.catalog import load_definitions, role_names
from backend.services.definitions.checks import check_references
from backend.services.definitions.parsing import parse_definition
from backend.services.definitions.plans import SHOWN_IDS, Step, make_plan
from backend.services.definitions.resources import list_resources
from backend.services.errors import Invalid


def plan_document(actor, document):
    """Return the Plan of what apply_document would do with the same document; raises what it would, but for consent."""
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
    with changing() as definitions:
        outcome, plan = _begin_document(actor, definitions, document)
        require_consent(plan, confirm)
        apply_plan(actor, plan)
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
        has_changed = apply_fields(actor, users["fields"], confirmed=True)  # require_consent asks for the whole plan
        outcome.append(("users", "changed" if has_changed else "unchanged"))
        steps += [_profile_fields_step(lost)] if has_changed else []
    plan = _plan_all(definitions, declared, role_names())
    return outcome, replace(plan, steps=[*steps, *plan.steps])


def _profile_fields_step(lost):
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


def export_document():
    """Return all roles made by admins and all resources, as apply_document takes them."""
    resources = {row.name: row.body for row in list_resources()}
    roles, fields = export_roles(), declared_fields()
    users = {"users": {"fields": fields}} if fields else {}
    return ({"roles": roles} if roles else {}) | users | {"resources": resources}


def _plan_all(definitions, declared, roles):
    wanted = _parse_all(definitions, {name: body for name, body in declared.items() if body is not None}, roles)
    plan = make_plan(definitions, wanted, [name for name, body in declared.items() if body is None])
    check_references(plan.outcome(definitions))
    return plan


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
