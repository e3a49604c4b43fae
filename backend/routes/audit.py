"""The audit trail: `/api/v1/audit`."""

from typing import Any, get_args

from marshmallow import fields, validate

from backend.middleware.answer import Answer
from backend.middleware.app import get_app
from backend.middleware.guards import permission
from backend.middleware.paths import API
from backend.routes.toolkit.arguments import QuerySchema
from backend.routes.toolkit.blueprint import Blueprint
from backend.routes.toolkit.list_parameters import list_parameters, make_row_schema
from backend.routes.toolkit.lists import list_query, page_answer
from backend.services.access.audit import Action
from backend.services.access.permissions import AUDIT_READ
from backend.services.definitions.policies import EVERYTHING
from backend.services.definitions.system_tables import AUDIT
from backend.services.records import lists
from backend.utils.schemas import COMPONENT

blp = Blueprint("audit", __name__, url_prefix=f"{API}/audit", description="Who did what")

AuditQuery = QuerySchema.from_dict(list_parameters(AUDIT, order=["-id"]), name="audit_query")


class AuditEntrySchema(make_row_schema("AuditEntryColumns", AUDIT)):  # type: ignore[misc]  # mypy knows no built classes
    """An entry of the audit trail."""

    action = fields.String(required=True, validate=validate.OneOf(get_args(Action)))
    details = fields.Dict(required=True, metadata={COMPONENT: "AuditDetails"})


@blp.get("")
@blp.guard(permission(AUDIT_READ))
@blp.arguments(AuditQuery, location="query")
@blp.documented_response(200, AuditEntrySchema(many=True))
@blp.fails(400, 401, 403)
@blp.doc(operationId="list_audit_entries")
def list_entries(arguments: dict[str, Any]) -> Answer:
    """List the entries of the audit trail, the latest first"""
    query = list_query(arguments)
    return page_answer(query, lists.list_rows(get_app().catalog.system["audit"], EVERYTHING, query))
