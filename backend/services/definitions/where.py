"""Reads `where`: conditions on records as JSON, in grants and in requests alike.

    {"stars": {"gte": 2}, "open": true}          all are true; a value alone means `eq`
    {"any": [W, …]}, {"all": [W, …]}, {"not": W}
    {"shipped": {"gt": {"field": "required"}}}   a field is compared with another one
    {"country.continent.code": "EU"}             through references
    {"country": {"some": W}}                     of the record that a reference names
    {"tags": {"some": W}}, {"members": {"none": W}}   of many related records
    {"tags": {"any": [id, …]}}, {"tags": {"isempty": true}}   of a list of references

At a record without the related one, a field at the end of a path is null.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

from marshmallow import ValidationError

from backend.services.definitions.names import shown_name
from backend.services.definitions.places import MAX_HOPS, Fields, Place, Step, compared, lead, through
from backend.services.field_types.base import FieldType
from backend.services.field_types.boolean import BooleanFromText
from backend.services.field_types.comparisons import TEXT_SEARCH
from backend.services.field_types.varying import USER
from backend.services.storage.conditions import (
    EVERY,
    NEVER,
    Condition,
    Not,
    OtherField,
    Through,
    all_of,
    any_of,
    linked,
)
from backend.services.storage.operators import COMPARISONS, NOT_EMPTY, OF_TRUTH, OF_VALUES, near_operator
from backend.services.storage.relations import Relation
from backend.utils.nearest import nearest
from backend.utils.problems import Problem, flatten

MAX_CONDITIONS = 32  # in one `where`
MAX_DEPTH = 4  # of `any`, `all`, `not`, `some` and `none` within each other
MAX_IN = 200  # values of one `in`
MAX_PART = 1_000  # characters of a text to search for within others; a database may compare it at every position
GROUPS = ("any", "all", "not")
QUANTIFIERS = ("some", "none")
OF_IDS = ("any", "all", "none", "isempty")  # the operators of lists of references
NO_FIELD = Problem("unknown_field", "There is no such field.")
TOO_DEEP = Problem("too_large", f"Nested more than {MAX_DEPTH} deep.", limit=MAX_DEPTH)
NO_CONDITIONS = Problem("wrong_type", "Must be an object of conditions.", expected="object")


@dataclass(frozen=True, slots=True)
class UserValue:
    """`$user.<name>`: a value of the user who makes the request. `field` reads it as a value to compare with.

    With `is_list` it is a list of such values.
    """

    name: str
    field: FieldType
    is_list: bool = False


class Wording(NamedTuple):
    """How a `where` is read: the start of an operand that means a value of the user, and the check of such a value."""

    user_prefix: str
    check_user_value: Callable[[UserValue], None]  # raises ValidationError


def read_where(where: Any, place: Place, wording: Wording) -> Condition:
    """Return the Condition. Raises ValidationError with all errors, each with its path, such as `where.any.0.open`."""
    reading = _Reading(wording)
    condition = reading.group(where, place, "where", MAX_DEPTH)
    if reading.count > MAX_CONDITIONS:
        text = f"At most {MAX_CONDITIONS} conditions; there are {reading.count}."
        reading.problems = [Problem("too_many", text, limit=MAX_CONDITIONS).within("where")]
    if reading.problems:
        raise ValidationError(reading.problems)
    return condition


class _Reading:
    """The reading of one `where`, with the errors and the number of conditions so far."""

    def __init__(self, wording: Wording) -> None:
        self.wording = wording
        self.problems: list[Problem] = []
        self.count = 0

    def _problem(self, path: str, *problems: Problem) -> Condition:
        self.problems += [problem.within(path) for problem in problems]
        return EVERY

    def group(self, where: Any, place: Place, path: str, depth: int) -> Condition:
        """Return that all members of an object are true; `depth` is how many groups may be nested in it."""
        if not isinstance(where, dict):
            return self._problem(path, NO_CONDITIONS)
        members = sorted(where.items(), key=lambda member: str(member[0]))
        return all_of(
            [self._member(str(name), value, place, f"{path}.{shown_name(name)}", depth) for name, value in members]
        )

    def _member(self, name: str, value: Any, place: Place, path: str, depth: int) -> Condition:
        if name in GROUPS and name not in place.fields:
            return self._combination(name, value, place, path, depth)
        *hops, last = name.split(".")
        if len(hops) > MAX_HOPS:
            text = f"At most {MAX_HOPS} references lead to a field."
            return self._problem(path, Problem("too_many", text, limit=MAX_HOPS))
        way = lead(hops, place)
        if way is None:
            return self._problem(path, NO_FIELD.proposing(_near_hop(hops, place)))
        place = way[-1][1] if way else place
        relation = place.relations.get(last)
        if relation is not None and (relation.is_many or is_quantified(value)):
            return through(way, self._quantified(relation, value, place, path, depth))
        if last in place.fields and place.fields[last].has_column:
            return self._comparisons(last, value, place.fields, path, way)
        names = chain(place.fields, GROUPS, _followed(place))
        return self._problem(path, NO_FIELD.proposing(nearest(last, names)))

    def _combination(self, name: str, value: Any, place: Place, path: str, depth: int) -> Condition:
        if not depth:
            return self._problem(path, TOO_DEEP)
        if name == "not":
            return _negated(self.group(value, place, path, depth - 1))
        if not isinstance(value, list) or not value:
            return self._problem(path, Problem("wrong_type", "Must be an array of objects.", expected="array"))
        parts = [self.group(each, place, f"{path}.{i}", depth - 1) for i, each in enumerate(value)]
        return any_of(parts) if name == "any" else all_of(parts)

    def _quantified(self, relation: Relation, value: Any, place: Place, path: str, depth: int) -> Condition:
        """Return that some or none of many related records meet the conditions."""
        target = place.follow(relation)
        if target is None:
            return self._problem(path, NO_FIELD)
        is_list = bool(relation.links) and not relation.is_back
        offered = (*QUANTIFIERS, *OF_IDS) if is_list else QUANTIFIERS
        if not isinstance(value, dict) or not value or not set(value) <= set(offered):
            names = ", ".join(f"`{name}`" for name in dict.fromkeys(offered))
            text = f"Must be an object of {names}."
            return self._problem(path, Problem("wrong_type", text, expected="object", choices=list(offered)))
        parts: list[Condition] = []
        for quantifier, where in value.items():
            self.count += 1
            of_ids = quantifier != "some" and is_list and not isinstance(where, dict)
            read = self._of_ids if of_ids else self._of_records
            found = read(relation, target, quantifier, where, f"{path}.{quantifier}", depth)
            parts.append(all_of([place.row_scope(relation), found]))
        return all_of(parts)

    def _of_records(
        self, relation: Relation, target: Place, quantifier: str, where: Any, path: str, depth: int
    ) -> Condition:
        """Return that some or none of the related records meet the conditions."""
        if not depth:
            return self._problem(path, TOO_DEEP)
        some = Through(relation, all_of([target.scope, self.group(where, target, path, depth - 1)]))
        return some if quantifier == "some" else Not(some)

    def _of_ids(
        self, relation: Relation, target: Place, operator: str, operand: Any, path: str, depth: int
    ) -> Condition:
        """Return that a list of references has any, all or none of several ids, or whether it is empty."""
        try:
            if operator == "isempty":
                return linked(relation, target.scope, operator, BooleanFromText().deserialize(operand))
            if not isinstance(operand, list) or not 0 < len(operand) <= MAX_IN:
                raise ValidationError(Problem("wrong_type", f"Must be an array of 1 to {MAX_IN} ids.", limit=MAX_IN))
            ids = [self._value(target.fields["id"], each, operator) for each in operand]
        except ValidationError as error:
            return self._problem(path, *flatten(error.messages))
        return linked(relation, target.scope, operator, ids)

    def _comparisons(self, name: str, value: Any, fields: Fields, path: str, way: list[Step]) -> Condition:
        """Return that all operators of a field are true, at the end of a way of references."""
        if value == {}:
            return self._problem(path, Problem("wrong_type", "Must be a value or an object of operators."))
        operators = value if isinstance(value, dict) else {"eq": value}
        parts: list[Condition] = []
        for operator, operand in sorted(operators.items(), key=lambda item: str(item[0])):
            self.count += 1
            place = f"{path}.{shown_name(operator)}" if isinstance(value, dict) else path
            try:
                parts.append(compared(name, operator, self._operand(name, operator, operand, fields, way), way))
            except ValidationError as error:
                self._problem(place, *flatten(error.messages))
        return all_of(parts)

    def _operand(self, name: str, operator: str, operand: Any, fields: Fields, way: list[Any]) -> Any:
        """Return an operand as conditions need it. Raises ValidationError if it is not valid."""
        field = fields[name]
        # Where there is no related record, also a required field is null.
        if operator not in (field.operators if way else field.filter_operators):
            operators = list(field.operators)
            text = f"This field has no such operator. It has: {', '.join(operators) or 'none'}."
            problem = Problem("not_a_choice", text, choices=operators)
            raise ValidationError(problem.proposing(near_operator(str(operator), operators)))
        if operator in OF_TRUTH:
            return BooleanFromText().deserialize(operand)
        if isinstance(operand, dict) and operator in COMPARISONS:
            return _other_field(field, operand, fields)
        if operator not in OF_VALUES:
            return self._value(field, operand, operator)
        if isinstance(operand, str) and operand.startswith(self.wording.user_prefix):
            return self._user_value(UserValue(operand.removeprefix(USER), field.item, is_list=True))
        if not isinstance(operand, list) or len(operand) > MAX_IN:
            raise ValidationError(Problem("wrong_type", f"Must be an array of at most {MAX_IN} values.", limit=MAX_IN))
        if operator in NOT_EMPTY and not operand:
            raise ValidationError(Problem("too_few", "Must have at least 1 value.", limit=1))
        return tuple([self._value(field, value, operator) for value in operand])

    def _value(self, field: FieldType, value: Any, operator: str) -> Any:
        if isinstance(value, str) and value.startswith(self.wording.user_prefix):
            if operator in TEXT_SEARCH:  # an empty value would match every text
                raise ValidationError(Problem("not_allowed", "A value of the user cannot be searched for."))
            return self._user_value(UserValue(value.removeprefix(USER), field.item))
        if value is None:
            raise ValidationError(Problem("null_not_allowed", "To find null, use the operator `isnull`."))
        if operator in TEXT_SEARCH and len(str(value)) > MAX_PART:
            text = f"At most {MAX_PART:,} characters can be searched for within a text."
            raise ValidationError(Problem("too_long", text, limit=MAX_PART))
        return field.item.text_field().deserialize(value)

    def _user_value(self, value: UserValue) -> UserValue:
        self.wording.check_user_value(value)
        return value


def _followed(place: Place) -> Iterator[str]:
    """Yield the names of the relations of a place that lead somewhere; the others must not be guessed."""
    return (name for name, relation in place.relations.items() if place.follow(relation) is not None)


def _near_hop(hops: list[str], place: Place) -> str | None:
    """Return the relation that was most likely meant by the first of the hops that does not exist; None if none was."""
    for hop in hops:
        way = lead([hop], place)
        if way is None:
            return nearest(hop, _followed(place))
        place = way[-1][1]
    return None


def is_quantified(value: Any) -> bool:
    """Return whether a value is an object of `some` and `none`."""
    return isinstance(value, dict) and bool(value) and set(value) <= set(QUANTIFIERS)


def _negated(condition: Condition) -> Condition:
    """Return the `not`, as simply as possible: those of empty objects are not counted, and must not fill the SQL."""
    if condition in (EVERY, NEVER):
        return NEVER if condition == EVERY else EVERY
    return Not(condition)


def _other_field(field: FieldType, operand: dict[str, Any], fields: Fields) -> OtherField:
    """Return the field of the same record that `{"field": name}` means. Raises ValidationError."""
    name = operand.get("field")
    if set(operand) != {"field"} or not isinstance(name, str):
        text = 'Must be a value, or {"field": …} with the name of another field.'
        raise ValidationError(Problem("wrong_type", text))
    if name not in fields:
        raise ValidationError(
            Problem("unknown_field", f"There is no field {shown_name(name)}.").proposing(nearest(name, fields))
        )
    if fields[name].stored_as != field.stored_as:
        text = f"The field {name} of type {fields[name].name} cannot be compared with {field.name}."
        raise ValidationError(Problem("not_allowed", text))
    return OtherField(name)
