"""Who may do what: a policy narrows a query to the rows an actor may touch, and judges a row before and after a write.

It also tells which fields of a row the actor may see and set.
"""

from dataclasses import dataclass
from functools import cache

from backend.models.database import database
from backend.models.user import User
from backend.services.access.permissions import refuse
from backend.services.definitions.grants import OWNER_GRANT, PUBLIC_GRANT, bind
from backend.services.errors import Invalid
from backend.services.storage.conditions import shape_of
from backend.services.storage.statements import Statement, slot


@dataclass(frozen=True, slots=True)
class Scope:
    """The rows an action may touch: all of them, or those that meet one of the alternatives; with none, no row.

    An alternative is a tuple of triples (field, operator, value) that must all hold.
    """

    everything: bool = False
    alternatives: tuple = ()

    def __bool__(self):
        return self.everything or bool(self.alternatives)

    @property
    def shape(self):
        """What decides the SQL text of its condition; None when that is all rows."""
        return None if self.everything else tuple(shape_of(each) for each in self.alternatives)

    def concerns(self, names):
        """Tell whether a change of the named fields could bring a row into the scope or out of it."""
        return any(field in names for triples in self.alternatives for field, _, _ in triples)


EVERYTHING = Scope(everything=True)
NOTHING = Scope()
NO_FIELDS = frozenset()
LOCKED = "You may not set this field."


def scope(definition, action, actor):
    """Return the Scope of one of ACTIONS for the actor, all their grants together; without a grant it is NOTHING."""
    if actor.is_admin:
        return EVERYTHING
    grants = definition.grants(action)
    if PUBLIC_GRANT in grants.roles or not actor.roles.isdisjoint(grants.roles):
        return EVERYTHING
    if not grants.ruled:
        return NOTHING
    fitting = [rule for role, rule in grants.ruled if role in actor.roles or role in (PUBLIC_GRANT, OWNER_GRANT)]
    bound = [bind(rule, definition.all_fields, lambda name: user_value(actor, name)) for rule in fitting]
    return Scope(alternatives=tuple(triples for triples in bound if triples is not None))


def user_value(actor, name):
    """Return what `$user.<name>` is for the actor, or None; an address that nobody has proved to be theirs is none."""
    if name == "id" or actor.user_id is None:
        return actor.user_id
    if not actor.user_values:
        rows = _account_statement(database.name).run({"id": actor.user_id})
        email, verified_at, profile = rows[0] if rows else (None, None, "{}")
        actor.user_values.update(User.profile.python_value(profile), email=verified_at and email)
    return actor.user_values.get(name)


@cache
def _account_statement(dialect):
    """Return the statement of `user_value`, in the SQL of the database of this name."""
    return Statement(User.select(User.email, User.verified_at, User.profile).where(User.id == slot("id")))


def hidden_fields(definition, actor):
    """Return the names of the fields that do not exist for the actor."""
    if not definition.ruled_fields or actor.is_admin:
        return NO_FIELDS
    ruled = definition.ruled_fields.items()
    return frozenset(name for name, kind in ruled if not _is_among(actor, kind.readable_by))


def locked_fields(definition, actor):
    """Return the names of the fields that the actor may not set."""
    if not definition.ruled_fields or actor.is_admin:
        return NO_FIELDS
    return frozenset(name for name, kind in definition.ruled_fields.items() if not _is_among(actor, kind.writers))


def _is_among(actor, roles):
    return roles is None or not actor.roles.isdisjoint(roles)


def require_may_set(definition, actor, names):
    """Raise Invalid for the fields that the actor may not set; one that is hidden as well is called unknown."""
    if locked := locked_fields(definition, actor).intersection(names):
        hidden = hidden_fields(definition, actor)
        raise Invalid({name: ["Unknown field." if name in hidden else LOCKED] for name in locked})


def has_grant(definition, action, actor):
    """Tell whether a grant for the action fits the actor, whatever rows it gives."""
    grants = definition.grants(action)
    ruled = {role for role, _ in grants.ruled}
    return actor.is_admin or not {PUBLIC_GRANT, *actor.roles, *_own(actor)}.isdisjoint(grants.roles | ruled)


def has_any_grant(definition, actor):
    """Tell whether the actor may do anything with the records of a resource."""
    return actor.is_admin or any(has_grant(definition, action, actor) for action in definition.access)


def _own(actor):
    return () if actor.user_id is None else (OWNER_GRANT,)


def authorize(definition, action, actor):
    """Return the Scope of the action; raise Unauthenticated or Denied when there is no row it could touch."""
    allowed = scope(definition, action, actor)
    if not allowed:
        refuse(actor, f"You may not {action} {definition.name}.")
    return allowed
