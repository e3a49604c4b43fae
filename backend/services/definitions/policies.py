"""Access to records: the rows that an actor may use with an action, and the fields that they may see and set."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from peewee import Select

from backend.models.user import User
from backend.services.access.actors import Actor
from backend.services.access.permissions import raise_denied
from backend.services.definitions.catalog import Catalog, Resource
from backend.services.definitions.definition import Definition
from backend.services.definitions.grants import OWNER_GRANT, PUBLIC_GRANT
from backend.services.definitions.row_rules import bind
from backend.services.definitions.schema import ACTIONS
from backend.services.errors import Invalid, NotFound
from backend.services.field_types.base import FieldType
from backend.services.storage.conditions import EVERY, NEVER, Condition, any_of
from backend.services.storage.listable import Listable
from backend.services.storage.statements import built_once, slot
from backend.utils.nearest import nearest
from backend.utils.problems import UNKNOWN_FIELD, Problem


@dataclass(frozen=True, slots=True)
class Scope:
    """The rows that an actor may use with an action: those that meet the condition.

    For example, the user 7 may update their own records and, as an editor, open ones:

        Scope(AnyOf((Compare("created_by", "eq", "7"), Compare("open", "eq", True))))
    """

    condition: Condition

    def __bool__(self) -> bool:
        return self.condition != NEVER

    @property
    def everything(self) -> bool:
        """Whether it contains all rows."""
        return self.condition == EVERY

    @property
    def shape(self) -> Condition:
        """The condition without its values, from which the SQL is built."""
        return self.condition.shape

    def values(self, resource: Listable, prefix: str = "scope") -> dict[str, Any]:
        """Return the values of the slots of the condition, whose names begin with `prefix`."""
        return self.condition.values(resource, prefix)

    def depends_on(self, names: Collection[str]) -> bool:
        """Return whether a change of these fields could move a row into the scope or out of it."""
        return not self.condition.own_fields.isdisjoint(names)


Extent = Literal["all", "own", "rule"]  # all records, those that the actor created, or those that meet a rule

EVERYTHING = Scope(EVERY)
NOTHING = Scope(NEVER)
NO_FIELDS: frozenset[str] = frozenset()
LOCKED = Problem("read_only", "You may not set this field.")


def scope(resource: Resource, action: str, actor: Actor) -> Scope:
    """Return the Scope of one of ACTIONS for the actor: the sum of their grants, NOTHING without a grant."""
    if _is_unlimited(resource, action, actor):
        return EVERYTHING
    if not resource.definition.grants(action).ruled:
        return NOTHING
    mine = [rule for role, rule in resource.rules(action) if role in actor.roles or role in (PUBLIC_GRANT, OWNER_GRANT)]
    return Scope(any_of(bind(rule, partial(_rule_value, actor)) for rule in mine))


def _is_unlimited(resource: Resource, action: str, actor: Actor) -> bool:
    """Return whether the actor may perform the action on every row."""
    if actor.is_admin and not resource.definition.limits_admins:
        return True
    roles = resource.definition.grants(action).roles
    if PUBLIC_GRANT in roles or not actor.roles.isdisjoint(roles):
        return True
    return not actor.roles.isdisjoint(resource.permitted_roles(action))


def _rule_value(actor: Actor, name: str) -> Any:
    return user_value(actor, name) if actor.owns else None


def user_value(actor: Actor, name: str) -> Any:
    """Return the value of `$user.<name>` for the actor, or None. An address that is not confirmed is None."""
    if name == "id" or actor.user_id is None:
        return actor.user_id
    if not actor.user_values:
        rows = _user_statement().run({"id": actor.user_id})
        email, verified_at, profile = rows[0] if rows else (None, None, "{}")
        actor.user_values.update(User.profile.python_value(profile), email=verified_at and email)
    return actor.user_values.get(name)


@built_once
def _user_statement() -> Select:
    """Build the query of user_value."""
    return User.select(User.email, User.verified_at, User.profile).where(User.id == slot("id"))


def hidden_fields(definition: Definition, actor: Actor) -> frozenset[str]:
    """Return the names of the fields that the actor may not see."""
    if not definition.ruled_fields or (actor.is_admin and not definition.limits_admins):
        return NO_FIELDS
    ruled = definition.ruled_fields.items()
    return frozenset(name for name, field in ruled if not _has_one_of(actor, field.readable_by))


def locked_fields(definition: Definition, actor: Actor) -> frozenset[str]:
    """Return the names of the fields that the actor may not set."""
    unsettable = definition.unsettable_fields
    if not definition.ruled_fields or actor.is_admin:
        return unsettable
    ruled = definition.ruled_fields.items()
    return unsettable.union(name for name, field in ruled if not _has_one_of(actor, field.writers))


def may_set_profile_field(actor: Actor, field: FieldType) -> bool:
    """Return whether the actor may set this profile field of their own account."""
    return actor.is_admin or not actor.roles.isdisjoint(field.writable_by or ())


def _has_one_of(actor: Actor, roles: list[str] | None) -> bool:
    return roles is None or not actor.roles.isdisjoint(roles)


def require_may_set(definition: Definition, actor: Actor, names: Iterable[str]) -> None:
    """Raise Invalid if the actor may not set one of these fields. A hidden field is reported as unknown."""
    if locked := locked_fields(definition, actor).intersection(names):
        hidden = hidden_fields(definition, actor)
        raise Invalid({name: [UNKNOWN_FIELD if name in hidden else LOCKED] for name in locked})


def has_grant(resource: Resource, action: str, actor: Actor) -> bool:
    """Return whether a grant of the action applies to the actor, for any rows."""
    grants = resource.definition.grants(action)
    own = () if actor.user_id is None or not actor.owns else (OWNER_GRANT,)
    granted = grants.roles.union((role for role, _ in grants.ruled), resource.permitted_roles(action))
    return actor.is_admin or not {PUBLIC_GRANT, *actor.roles, *own}.isdisjoint(granted)


def extent(resource: Resource, action: str, actor: Actor) -> Extent | None:
    """Return for which records the actor has a grant of the action; None if they have none.

    It depends on nothing but the roles of the actor, so they may turn out to have no record that meets the rule.
    """
    if not has_grant(resource, action, actor):
        return None
    if _is_unlimited(resource, action, actor):
        return "all"
    ruled = resource.definition.grants(action).ruled
    rules = [(role, where) for role, where in ruled if role in actor.roles or role in (PUBLIC_GRANT, OWNER_GRANT)]
    if action == "create" and (OWNER_GRANT, {}) in rules:  # everyone owns what they create
        return "all"
    return "own" if all(rule == (OWNER_GRANT, {}) for rule in rules) else "rule"


def may_set_files(resource: Resource, actor: Actor) -> bool:
    """Return whether the actor may create or update records, and set one of their files."""
    definition = resource.definition
    settable = definition.files.keys() - locked_fields(definition, actor) if definition.files else ()
    return bool(settable) and any(has_grant(resource, action, actor) for action in ("create", "update"))


def has_any_grant(resource: Resource, actor: Actor) -> bool:
    """Return whether the actor has a grant of any action."""
    return actor.is_admin or any(has_grant(resource, action, actor) for action in ACTIONS)


def find_resource(catalog: Catalog, name: str, actor: Actor) -> Resource:
    """Return the Resource of this name. Raises NotFound, which proposes the nearest one that the actor may use."""
    if name in catalog:
        return catalog[name]
    near = nearest(name, (known for known, each in catalog.items() if has_any_grant(each, actor)))
    raise NotFound(f"There is no resource {name}.{f' Did you mean {near}?' if near else ''}")


def authorize(resource: Resource, action: str, actor: Actor) -> Scope:
    """Return the Scope of the action. Raises Unauthenticated or Denied if it contains no row."""
    allowed = scope(resource, action, actor)
    if not allowed:
        raise_denied(actor, f"You may not {action} {resource.name}.")
    return allowed
