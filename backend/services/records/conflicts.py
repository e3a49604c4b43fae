"""Turns violated constraints of the database into conflicts that name the fields."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from peewee import IntegrityError

from backend.models.database import database
from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.definitions.indexes import unique_indexes
from backend.services.errors import Conflict
from backend.services.records.constraints import unmet_constraint
from backend.utils.problems import TAKEN


@contextmanager
def raising_conflicts(actor: Actor, resource: Resource) -> Iterator[None]:
    """Raise Conflict or Invalid for a constraint that an insert or update in the block violates."""
    try:
        yield
    except IntegrityError as error:
        raise _integrity_problem(actor, resource, error) from error


def _integrity_problem(actor: Actor, resource: Resource, error: IntegrityError) -> Exception:
    """Return the Conflict that an IntegrityError of an insert or update means, or the error itself.

    It names no field where one of them is hidden from the actor.
    """
    violation = database.violated(error, unique_indexes(resource.definition))
    if violation.kind == "unique":
        return unique_conflict(actor, resource, violation.columns)
    if violation.kind == "foreign_key":  # the target was deleted between the check and the write
        return Conflict(f"A record that this one of {resource.name} refers to has just been deleted.")
    if violation.kind == "check":
        return unmet_constraint(actor, resource.definition, violation.name) or error
    return error  # NOT NULL or a wrong type: the schema should have refused it, so it is a defect


def unique_conflict(actor: Actor, resource: Resource, names: Sequence[str]) -> Conflict:
    """Return the Conflict of values of these fields that another record has; it names no field that is hidden."""
    # A rule says something about the other record, too. The database says which fields, but not which rule.
    rules = (each.rule_fields for each in resource.definition.unique_sets() if each.fields == tuple(names))
    if not policies.hidden_fields(resource.definition, actor).isdisjoint({*names}.union(*rules)):
        return Conflict(f"This conflicts with another record of {resource.name}.")
    message = f"Another record of {resource.name} has this {' and '.join(names)}."
    return Conflict(message, {"json": {name: [TAKEN] for name in names}})
