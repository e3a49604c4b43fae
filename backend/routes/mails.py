"""Mails of the last thirty days: `/api/v1/mails`."""

from typing import Any
from uuid import UUID

from backend.middleware.answer import Answer
from backend.middleware.app import get_app
from backend.middleware.authentication import current_actor
from backend.middleware.guards import permission
from backend.middleware.paths import API
from backend.routes.toolkit.arguments import QuerySchema
from backend.routes.toolkit.blueprint import Blueprint
from backend.routes.toolkit.list_parameters import list_parameters, make_row_schema
from backend.routes.toolkit.lists import list_query, page_answer
from backend.services.access.permissions import USERS_READ, USERS_WRITE
from backend.services.accounts import mails
from backend.services.definitions.policies import EVERYTHING
from backend.services.definitions.system_tables import MAILS
from backend.services.records import lists

blp = Blueprint("mails", __name__, url_prefix=f"{API}/mails", description="Mails of the last thirty days")

MailQuery = QuerySchema.from_dict(list_parameters(MAILS, order=["-id"]), name="mail_query")


class MailSchema(make_row_schema("MailColumns", MAILS)):  # type: ignore[misc]  # mypy knows no built classes
    """A mail, without its text and its link."""


@blp.get("")
@blp.guard(permission(USERS_READ))
@blp.arguments(MailQuery, location="query")
@blp.documented_response(200, MailSchema(many=True))
@blp.fails(400, 401, 403)
@blp.doc(operationId="list_mails")
def list_mails(arguments: dict[str, Any]) -> Answer:
    """List the mails that wait, were sent or failed in the last thirty days, the latest first"""
    query = list_query(arguments)
    return page_answer(query, lists.list_rows(get_app().catalog.system["mails"], EVERYTHING, query))


@blp.post("/<uuid:mail_id>/attempts")
@blp.guard(permission(USERS_WRITE))
@blp.response(200)
@blp.fails(401, 403, 404, 409)
@blp.doc(operationId="retry_mail")
def retry_mail(mail_id: UUID) -> None:
    """Send a mail now that waits for its next attempt, or that was given up

    Refused if it was sent, is no longer needed, or is being sent.
    """
    mails.retry_mail(current_actor(), str(mail_id))
