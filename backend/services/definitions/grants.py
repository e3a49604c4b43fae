"""Grants: read from the `access` of a definition, with the row rules that some of them carry.

A rule is a tuple of triples (field, operator, value) that must all hold; a value may be a UserValue, which only a
request knows.
"""

from dataclasses import dataclass
from typing import NamedTuple

from marshmallow import ValidationError

from backend.models.user import ProfileFields
from backend.services.field_types.base import TEXT_SEARCH
from backend.services.field_types.boolean import BooleanFromText
from backend.services.field_types.email import Email
from backend.services.field_types.registry import parse_field
from backend.services.field_types.uuid import Uuid

PUBLIC_GRANT, OWNER_GRANT = "public", "owner"
MAX_GRANTS = 50  # for one action
MAX_CONDITIONS = 8  # in one rule
MAX_IN = 30  # so that the values of all rules together stay within what a database takes
USER = "$user."
OWN_FIELDS = {"id": Uuid(), "email": Email()}  # what a rule may ask of every user


@dataclass(frozen=True, slots=True)
class UserValue:
    """`$user.<field>`: a value of whoever makes the request."""

    field: str


OWN_ROWS = (("created_by", "eq", UserValue("id")),)


class Grants(NamedTuple):
    """Who may do an action: `roles` on every row; of `ruled`, (role, rule), on the rows that meet the rule."""

    roles: frozenset
    ruled: tuple

    @property
    def are_public(self):
        """Whether there are rows for somebody who is not signed in."""
        return PUBLIC_GRANT in self.roles or any(role == PUBLIC_GRANT for role, _ in self.ruled)

    @property
    def to_owner(self):
        """Whether somebody may do it with the records that they created."""
        return any(role == OWNER_GRANT for role, _ in self.ruled)


NO_GRANTS = Grants(frozenset(), ())


def read_grants(grants, kinds):
    """Return the Grants that a checked list of an `access` block means; `kinds` are all fields of the resource."""
    roles = {grant for grant in grants if isinstance(grant, str)}
    ruled = [(OWNER_GRANT, OWN_ROWS)] if OWNER_GRANT in roles else []
    for grant in grants:
        if isinstance(grant, dict):
            rule = tuple(sorted(_read_rule(grant["where"], kinds), key=lambda triple: triple[:2]))
            ruled.append((grant["role"], OWN_ROWS + rule if grant["role"] == OWNER_GRANT else rule))
    return Grants(frozenset(roles - {OWNER_GRANT}), tuple(ruled))


def granted_roles(grants):
    """Return the names that a list of grants speaks of."""
    return {grant if isinstance(grant, str) else grant["role"] for grant in grants}


def grant_problems(grants, kinds, roles):
    """Return what is wrong with a list of grants, as messages; `roles` are the names of all roles."""
    if len(grants) > MAX_GRANTS:
        return [f"An action has at most {MAX_GRANTS} grants."]
    problems = []
    for grant in grants:
        if isinstance(grant, dict) and set(grant) == {"role", "where"}:
            name = grant["role"]
            problems += _rule_problems(grant["where"], kinds)
        else:
            name = grant
        if not isinstance(name, str):
            problems.append("A grant is a role, `public`, `owner`, or an object of `role` and `where`.")
        elif name not in {*roles, PUBLIC_GRANT, OWNER_GRANT}:
            problems.append(f"No such role: {_shown(name)}. A grant is a role, `public` or `owner`.")
    return problems


def _rule_problems(where, kinds):
    if not isinstance(where, dict) or not 0 < len(where) <= MAX_CONDITIONS:
        return [f"where: An object of 1 to {MAX_CONDITIONS} fields was expected."]
    problems = []
    for name, told in where.items():
        if name not in kinds:
            problems.append(f"where.{_shown(name)}: There is no such field.")
            continue
        if told == {}:
            problems.append(f"where.{name}: A value or an object of operators was expected.")
        for operator, operand in _operators(told).items():
            place = f"{name}.{_shown(operator)}" if isinstance(told, dict) else name
            try:
                _check_operand(kinds[name], operator, operand)
            except ValidationError as error:
                problems.append(f"where.{place}: {' '.join(map(str, error.messages))}")
    return problems


def _shown(name):
    return str(name)[:80].encode(errors="replace").decode()


def _check_operand(kind, operator, operand):
    read = _read_operand(kind, operator, operand)
    for value in read if operator == "in" else (read,):
        if isinstance(value, UserValue):
            if operator in TEXT_SEARCH:  # an empty text is in every text
                raise ValidationError("A value of the user can only be compared.")
            _check_user_value(kind, value.field)


def _read_rule(where, kinds):
    for name, told in where.items():
        for operator, operand in _operators(told).items():
            yield name, operator, _read_operand(kinds[name], operator, operand)


def _operators(told):
    return told if isinstance(told, dict) else {"eq": told}


def _read_operand(kind, operator, operand):
    """Return an operand as the conditions take it; raise ValidationError."""
    if operator not in kind.operators or (operator == "isnull" and kind.required):
        raise ValidationError("A field of this type has no such operator.")
    if operator == "isnull":
        return BooleanFromText().deserialize(operand)
    if operator != "in":
        return _read_value(kind, operand)
    if not isinstance(operand, list) or len(operand) > MAX_IN:
        raise ValidationError(f"A list of at most {MAX_IN} values was expected.")
    return tuple(_read_value(kind, each) for each in operand)


def _read_value(kind, value):
    if isinstance(value, str) and value.startswith("$"):
        return UserValue(value.removeprefix(USER))
    if value is None:
        raise ValidationError("Null is asked for by `isnull`.")
    return kind.filter().deserialize(value)


def _check_user_value(kind, name):
    known = OWN_FIELDS | user_fields()
    if name not in known:
        offered = ", ".join(f"`{USER}{each}`" for each in known)
        raise ValidationError(f"There is no such value of a user; there are {offered}.")
    if kind.comparable_as != known[name].comparable_as:
        raise ValidationError(
            f"`{USER}{name}` is of type {known[name].name}, which is not comparable with {kind.name}."
        )


def user_fields():
    """Return the profile fields that users have here, a FieldType by name."""
    return {name: parse_field(declaration) for name, declaration in ProfileFields.declared().items()}


def used_user_fields(where):
    """Return the names of the users' values that a rule speaks of."""
    operands = [operand for told in where.values() for operand in _operators(told).values()]
    values = [each for operand in operands for each in (operand if isinstance(operand, list) else [operand])]
    return {each.removeprefix(USER) for each in values if isinstance(each, str) and each.startswith(USER)}


def bind(rule, kinds, user_value):
    """Return the rule with the values of the user put in, or None where one of them is missing.

    `user_value(name)` returns a value or None. A missing value must never be taken for NULL: `{team: $user.team}`
    would then give all rows without a team to all people without one.
    """
    bound = []
    for field, operator, operand in rule:
        values = [_bound(each, kinds[field], user_value) for each in (operand if operator == "in" else (operand,))]
        if None in values:
            return None
        bound.append((field, operator, tuple(values) if operator == "in" else values[0]))
    return tuple(bound)


def _bound(value, kind, user_value):
    if not isinstance(value, UserValue):
        return value
    found = user_value(value.field)
    if found is None or value.field == "id":
        return found
    try:
        return kind.filter().deserialize(found)
    except ValidationError:  # such as a word that is none of the choices: no row has it
        return None
