"""Batches: several changes of records in one transaction."""

from collections.abc import Container, Sequence
from typing import Any, Literal, NamedTuple, NotRequired, TypedDict

from marshmallow import ValidationError

from backend.models.database import database
from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Catalog, Resource
from backend.services.definitions.policies import find_resource
from backend.services.errors import Invalid, LarderError
from backend.services.records import records
from backend.services.records.schemas import data_schemas
from backend.services.records.upserts import upsert_record
from backend.services.records.versions import accepted_versions
from backend.services.storage.answer_sizes import require_together
from backend.utils.problems import REQUIRED, Problem, problems_of

MAX_OPERATIONS = 100
REF = "$ref"  # {"$ref": 0} is replaced by the id of the record that operation 0 creates

NOT_ALLOWED = Problem("not_allowed", "Not allowed for this operation.")


class Operation(TypedDict):
    """A change of a record, with the parts that PARTS names.

    `key` is a unique field, or several separated by commas: see upserts.py. `if_match` is the version or the ETag that
    a record to change or delete must still have.
    """

    op: Literal["create", "update", "upsert", "delete"]
    resource: str
    id: NotRequired[str]
    key: NotRequired[str]
    data: NotRequired[dict[str, Any]]
    if_match: NotRequired[str]


PARTS = {"create": {"data"}, "update": {"id", "data"}, "upsert": {"key", "data"}, "delete": {"id"}}


class OperationResult(NamedTuple):
    """The result of an operation: the id of its record, and the record as JSON text, or None if it was deleted.

    `is_new` says of an upsert whether it created the record.
    """

    op: str
    resource: str
    id: str
    json: str | None
    is_new: bool | None = None


def run_batch(actor: Actor, catalog: Catalog, operations: Sequence[Operation]) -> list[OperationResult]:
    """Run the operations in their order, in one transaction; return an OperationResult for each.

    If an operation fails, raises the error that a single request would get, with the operation's number in `message`
    and `details`.
    """
    results: list[OperationResult] = []
    with database.atomic():
        for number, operation in enumerate(operations):
            try:
                results.append(_run(actor, find_resource(catalog, operation["resource"], actor), operation, results))
                require_together([result.json for result in results if result.json])
            except LarderError as error:
                error.message = f"Operation {number}: {error.message}"
                error.details = {"operations": {str(number): error.details}}
                raise
    return results


def _run(actor: Actor, resource: Resource, operation: Operation, results: list[OperationResult]) -> OperationResult:
    _require_parts(operation)
    data = _load(actor, resource, operation, results) if "data" in operation else {}
    if_match = accepted_versions(resource.definition, operation["if_match"]) if "if_match" in operation else None
    try:
        return _write(actor, resource, operation, data, if_match)
    except LarderError as error:
        # `json` is the body of a single request; here it is the `data` of the operation.
        error.details = {"data" if key == "json" else key: messages for key, messages in error.details.items()}
        raise


def _require_parts(operation: Operation) -> None:
    """Raise Invalid unless the operation has the parts that its `op` needs, and no others."""
    needed = PARTS[operation["op"]]
    sent = set(operation) - {"op", "resource"} - (set() if operation["op"] == "create" else {"if_match"})
    problems = {part: [REQUIRED] for part in needed - sent}
    problems |= {part: [NOT_ALLOWED] for part in sent - needed}
    if problems:
        raise Invalid(problems)


def _load(actor: Actor, resource: Resource, operation: Operation, results: list[OperationResult]) -> dict[str, Any]:
    """Return the checked data of an operation; upsert_record checks that of an upsert. Raises Invalid."""
    schemas = data_schemas(actor, resource)
    schema = schemas.create if operation["op"] == "create" else schemas.patch
    try:
        data = _resolve(actor, resource, operation["data"], results)
        if operation["op"] != "upsert":
            data = schema.load(data)
    except ValidationError as error:
        raise Invalid(problems_of(error), "data") from error
    return data


def _resolve(actor: Actor, resource: Resource, data: dict[str, Any], results: list[OperationResult]) -> dict[str, Any]:
    """Return the data with each `{"$ref": number}` in a field for ids replaced by the id of the created record.

    Raises ValidationError if the number is not that of an earlier `create` or `upsert`.
    """
    definition = resource.definition
    # The actor must not learn that such a field exists; the schema refuses it as unknown.
    unknown = policies.hidden_fields(definition, actor) & policies.locked_fields(definition, actor)
    ids = {name for name, field in definition.fields.items() if field.holds_ids} - unknown
    return {name: _with_ids(name, value, results) if name in ids else value for name, value in data.items()}


def _with_ids(name: str, value: Any, results: list[OperationResult], depth: int = 2) -> Any:
    """Return a value, which may be a list of ids or a change of one, with the ids of created records."""
    if isinstance(value, dict) and set(value) == {REF}:
        return _created_id(name, value[REF], results)
    if isinstance(value, list) and depth:
        return [_with_ids(name, each, results, depth - 1) for each in value]
    if isinstance(value, dict) and depth:
        return {part: _with_ids(name, each, results, depth - 1) for part, each in value.items()}
    return value


def _created_id(name: str, number: Any, results: list[OperationResult]) -> str:
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < len(results):
        text = f"`{REF}` must be the number of an earlier operation."
        raise ValidationError({name: [Problem("not_found", text)]})
    if results[number].op not in ("create", "upsert"):
        raise ValidationError({name: [Problem("not_found", f"Operation {number} creates no record.")]})
    return results[number].id


def _write(
    actor: Actor, resource: Resource, operation: Operation, data: dict[str, Any], if_match: Container[str] | None
) -> OperationResult:
    op = operation["op"]
    if op == "create":
        record_id, record = records.create_record(actor, resource, data)
        return OperationResult(op, resource.name, record_id, record.json)
    if op == "upsert":
        record_id, record, is_new = upsert_record(actor, resource, operation["key"], data, if_match)
        return OperationResult(op, resource.name, record_id, record.json, is_new)
    record_id = operation["id"]
    if op == "update":
        record = records.update_record(actor, resource, record_id, data, if_match)
        return OperationResult(op, resource.name, record_id, record.json)
    records.delete_record(actor, resource, record_id, if_match)
    return OperationResult(op, resource.name, record_id, None)
