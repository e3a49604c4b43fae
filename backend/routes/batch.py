"""Batches, several changes in one transaction: `/api/v1/batch`."""

import json
from typing import Any

from marshmallow import Schema, fields, validate

from backend.middleware.answer import Answer
from backend.middleware.app import get_app
from backend.middleware.authentication import current_actor
from backend.middleware.guards import needing
from backend.middleware.limits import limits
from backend.middleware.paths import API
from backend.routes.toolkit.blueprint import Blueprint
from backend.routes.toolkit.envelope import json_answer
from backend.routes.toolkit.security import OPTIONAL_SIGN_IN
from backend.services.field_types.marshmallow_fields import StrictText
from backend.services.records.batches import MAX_OPERATIONS, REF, Operation, OperationResult, run_batch

OPS = ("create", "update", "upsert", "delete")
EXAMPLE = {
    "operations": [
        {"op": "create", "resource": "authors", "data": {"name": "George Eliot"}},
        {"op": "create", "resource": "books", "data": {"title": "Middlemarch", "author": {REF: 0}}},
    ]
}

blp = Blueprint("batch", __name__, url_prefix=f"{API}/batch", description="Several changes in one transaction")


class BatchOperationSchema(Schema):
    """One change of a record."""

    op = fields.String(required=True, validate=validate.OneOf(OPS))
    resource = StrictText(required=True)
    id = fields.UUID(metadata={"description": "Id of the record to update or delete"})
    key = StrictText(
        metadata={
            "description": "For `upsert`: the unique field, or several separated by commas, whose values in `data` "
            "identify the record to change; if there is none, it is created"
        }
    )
    data = fields.Dict(
        fields.String(),
        metadata={
            "description": "The record to create, or the fields to change. A field that takes an id accepts "
            '`{"$ref": 0}`, the id of the record that operation 0 creates or upserts.'
        },
    )
    if_match = StrictText(metadata={"description": "The version or the ETag that the record must still have"})


class BatchRequestSchema(Schema):
    """The changes, in the order in which they are made."""

    operations = fields.List(
        fields.Nested(BatchOperationSchema), required=True, validate=validate.Length(1, MAX_OPERATIONS)
    )


class BatchResultSchema(Schema):
    """A change that was made."""

    op = fields.String(required=True, validate=validate.OneOf(OPS))
    resource = fields.String(required=True)
    id = fields.UUID(required=True)
    data = fields.Dict(required=True, allow_none=True, metadata={"description": "The record; null if it was deleted"})
    created = fields.Boolean(metadata={"description": "Only of `upsert`: whether the record is new"})


@blp.post("")
@blp.guard(needing("what each operation needs")(current_actor))
@blp.idempotent
@blp.arguments(BatchRequestSchema, example=EXAMPLE)
@blp.documented_response(200, BatchResultSchema(many=True))
@blp.fails(400, 401, 403, 404, 409, 412, 415, 428)
@blp.doc(operationId="run_batch", security=OPTIONAL_SIGN_IN)
def run(data: dict[str, Any]) -> Answer:
    """Create, update, upsert and delete records in one transaction

    If an operation fails, nothing is changed, and `details.operations` of the error has its number. Each operation
    needs the same grants as a single request, and counts as one against the rate limits.
    """
    operations: list[Operation] = [
        operation | ({"id": str(operation["id"])} if "id" in operation else {}) for operation in data["operations"]
    ]
    limits.count_more(len(operations) - 1)
    results = run_batch(current_actor(), get_app().catalog, operations)
    return json_answer(f"[{','.join(map(_to_json, results))}]", "OK")


def _to_json(result: OperationResult) -> str:
    created = {} if result.is_new is None else {"created": result.is_new}
    head = json.dumps({"op": result.op, "resource": result.resource, "id": result.id} | created)
    return f'{head[:-1]}, "data": {result.json or "null"}}}'
