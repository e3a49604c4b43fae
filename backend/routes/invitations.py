"""Invitations: `/api/v1/invitations`."""

from typing import Any
from uuid import UUID

from marshmallow import Schema, fields, validate

from backend.middleware.app import get_app
from backend.middleware.authentication import current_actor
from backend.middleware.guards import anybody, permission
from backend.middleware.limits import limits
from backend.middleware.paths import API
from backend.routes.toolkit.blueprint import Blueprint
from backend.routes.toolkit.security import NO_SIGN_IN
from backend.services.access.permissions import USERS_READ, USERS_WRITE
from backend.services.accounts import invitations
from backend.services.accounts.passwords import MAX_LENGTH, MIN_LENGTH
from backend.services.field_types.datetime import Moment
from backend.services.field_types.email import EmailAddress
from backend.services.field_types.marshmallow_fields import StrictText

blp = Blueprint("invitations", __name__, url_prefix=f"{API}/invitations", description="Inviting people by mail")


class InvitationSchema(Schema):
    """An invitation that can still be accepted; every user has the role `member`."""

    id = fields.UUID(required=True)
    email = EmailAddress(required=True)
    roles = fields.List(StrictText(), required=True)
    created_at = Moment(required=True)
    expires_at = Moment(required=True)
    created_by = fields.UUID(required=True, allow_none=True)


class InvitationCreateSchema(Schema):
    """The address to invite, and the roles that the user will have beside `member`."""

    email = EmailAddress(required=True)
    roles = fields.List(StrictText(), load_default=list)


class InvitationAcceptanceSchema(Schema):
    """The token of an invitation, and the user to create."""

    token = StrictText(required=True, validate=validate.Length(1, 100))
    password = StrictText(required=True, validate=validate.Length(MIN_LENGTH, MAX_LENGTH))
    name = StrictText(required=True, validate=validate.Length(1, 100))


class InvitedUserSchema(Schema):
    """The user who accepted an invitation."""

    id = fields.UUID(required=True)
    email = EmailAddress(required=True)
    name = StrictText(required=True)


@blp.get("")
@blp.guard(permission(USERS_READ))
@blp.response(200, InvitationSchema(many=True))
@blp.fails(401, 403)
@blp.doc(operationId="list_invitations")
def list_invitations() -> object:
    """List the invitations that can still be accepted"""
    return invitations.list_invitations()


@blp.post("")
@blp.guard(permission(USERS_WRITE))
@blp.idempotent
@blp.arguments(InvitationCreateSchema)
@blp.response(201, InvitationSchema)
@blp.fails(400, 401, 403, 415, 503)
@blp.doc(operationId="create_invitation")
def create_invitation(data: dict[str, Any]) -> object:
    """Invite an address by mail

    This replaces an open invitation of the address.
    """
    return invitations.create_invitation(current_actor(), get_app().settings, **data)


@blp.delete("/<uuid:invitation_id>")
@blp.guard(permission(USERS_WRITE))
@blp.response(200)
@blp.fails(401, 403, 404)
@blp.doc(operationId="withdraw_invitation")
def withdraw_invitation(invitation_id: UUID) -> None:
    """Withdraw an invitation"""
    invitations.withdraw_invitation(current_actor(), str(invitation_id))


@blp.post("/acceptance")
@blp.guard(anybody)
@limits.sign_in
@blp.arguments(InvitationAcceptanceSchema)
@blp.response(201, InvitedUserSchema)
@blp.fails(400, 409, 415, 429, 503)
@blp.doc(operationId="accept_invitation", security=NO_SIGN_IN)
def accept_invitation(data: dict[str, str]) -> object:
    """Accept an invitation: create an account with the token of its mail"""
    return invitations.accept_invitation(**data)
