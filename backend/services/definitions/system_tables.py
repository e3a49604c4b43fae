"""The system tables that can be listed like records, with the same filters, order, pages and cursors."""

from typing import Any, ClassVar

from itsdangerous import URLSafeSerializer
from marshmallow import fields
from peewee import SQL, ColumnBase, fn

from backend.models.audit import AuditEntry
from backend.models.database import Dialect
from backend.models.delivery import STATES as DELIVERY_STATES
from backend.models.delivery import Delivery
from backend.models.mail import STATES, Mail
from backend.models.user import KINDS, User, UserRole
from backend.services.field_types.base import FieldType
from backend.services.field_types.boolean import Boolean
from backend.services.field_types.datetime import DateTime
from backend.services.field_types.email import AccountEmail
from backend.services.field_types.enum import Enum
from backend.services.field_types.integer import Integer
from backend.services.field_types.json import Json
from backend.services.field_types.marshmallow_fields import StrictText
from backend.services.field_types.string import String
from backend.services.field_types.uuid import Uuid
from backend.services.storage.listable import Listable


class RoleNames(FieldType):
    """The names of a user's roles, from a query instead of a column. Definitions cannot use this type."""

    name: ClassVar[str] = "role names"
    operators: ClassVar[tuple[str, ...]] = ("has",)
    sortable: ClassVar[bool] = False

    def json_field(self, **options: Any) -> fields.List[str]:
        """Return a field for a list of names."""
        return fields.List(StrictText(), **options)

    def text_field(self) -> StrictText:
        """Return a field for one name."""
        return StrictText()

    def json(self, column: Any, database: Dialect) -> ColumnBase:
        """Return the names as JSON."""
        return database.json_value(column)


USERS = {
    "id": Uuid(required=True),
    "kind": Enum(
        required=True, choices=list(KINDS), description="A `person` can sign in, a `service` only has API keys"
    ),
    "email": AccountEmail(description="Null for a service account"),
    "name": String(required=True, max_length=100),
    "roles": RoleNames(required=True),
    "active": Boolean(required=True, description="Whether they can sign in"),
    "profile": Json(required=True, description="Values of the profile fields, which `/users/settings` declares"),
    "verified_at": DateTime(description="When they confirmed their address"),
    "created_at": DateTime(required=True),
    "updated_at": DateTime(required=True),
}
AUDIT = {
    "id": Uuid(required=True),
    "created_at": DateTime(required=True),
    "action": String(required=True, description="What was done, such as `user.create`"),
    "actor_id": Uuid(
        description="The user who did it; null for the command line and for callers who are not signed in"
    ),
    "actor_email": AccountEmail(description="The address of that user at the time"),
    "actor_name": String(description="The name of that user or service account at the time"),
    "api_key_id": Uuid(description="The API key that was used"),
    "target_type": String(description="The type of what was changed, such as `user`"),
    "target_id": String(),
    "details": Json(required=True),
    "address": String(description="The IP address of the client"),
    "request_id": String(description="The `X-Request-ID` of the request, which the log contains, too"),
    "times": Integer(required=True, description="How often; equal refusals within an hour are counted in one entry"),
    "last_at": DateTime(description="When it last happened, if more than once"),
}


MAILS = {
    "id": Uuid(required=True),
    "created_at": DateTime(required=True),
    "kind": String(required=True, description="What it is about, such as `reset`"),
    "email": AccountEmail(required=True),
    "state": Enum(
        required=True,
        choices=list(STATES),
        description="`unneeded` if nobody has the address or it has become pointless, `failed` if it was given up, "
        "`logged` if it was written to the log, because there is no mail server",
    ),
    "attempts": Integer(required=True),
    "next_attempt_at": DateTime(description="When it is due, if it waits"),
    "ended_at": DateTime(description="When it was sent, logged or given up"),
    "error": String(description="Why the last attempt failed"),
}


DELIVERIES = {
    "id": Uuid(required=True, description="The receiver gets it as `msg_<id>` in the header `webhook-id`"),
    "webhook_id": Uuid(required=True),
    "created_at": DateTime(required=True),
    "resource": String(description="Null for a test"),
    "record_id": Uuid(),
    "action": String(description="`create`, `update` or `delete`"),
    "version": Integer(description="Version of the record after the change"),
    "fields": Json(description="The fields that an update wrote, as far as the roles of the webhook see them"),
    "changed_at": DateTime(),
    "changed_by": Uuid(description="Id of the user, if the roles of the webhook see it"),
    "state": Enum(
        required=True,
        choices=list(DELIVERY_STATES),
        description="`failed` after the last attempt, `dropped` if the roles of the webhook no longer see the change, "
        "or if the webhook no longer wants it",
    ),
    "attempts": Integer(required=True),
    "next_attempt_at": DateTime(description="When it is due, if it waits"),
    "status": Integer(description="The HTTP status of the last attempt"),
    "error": String(description="Why the last attempt failed"),
    "milliseconds": Integer(description="How long the last attempt took"),
    "ended_at": DateTime(description="When it was delivered, given up or dropped"),
}


def _roles_column(users: Any) -> dict[str, Any]:
    """Return the sorted roles of each user as the text of a JSON array; `users` is the model User or an alias of it."""
    # Role names contain no character that JSON escapes.
    quoted = fn.string_agg(UserRole.role, SQL("""'","' ORDER BY role"""))
    text = SQL("""'["'""").concat(quoted).concat(SQL("""'"]'"""))
    return {"roles": fn.COALESCE(UserRole.select(text).where(UserRole.user_id == users.id), SQL("'[]'"))}


def make_system_tables(cursor_serializer: URLSafeSerializer) -> dict[str, Listable]:
    """Return the map of name to Listable."""
    return {
        "users": Listable("users", USERS, User, cursor_serializer, columns=_roles_column),
        "audit": Listable("audit", AUDIT, AuditEntry, cursor_serializer),
        "mails": Listable("mails", MAILS, Mail, cursor_serializer),
        "deliveries": Listable("deliveries", DELIVERIES, Delivery, cursor_serializer),
    }
