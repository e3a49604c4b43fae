"""Proving an address and setting a new password, by mail: `/api/v1/auth/verification`, `/api/v1/auth/password/…`."""

from marshmallow import Schema, validate

from backend.middleware.authentication import anybody
from backend.middleware.build import current_build
from backend.middleware.limits import limits
from backend.middleware.paths import API
from backend.routes.toolkit.blueprint import Blueprint
from backend.routes.toolkit.openapi import NO_SIGN_IN
from backend.services.accounts import recovery
from backend.services.accounts.passwords import MAX_LENGTH, MIN_LENGTH
from backend.services.field_types.email import EmailAddress
from backend.services.field_types.wire import StrictText

blp = Blueprint("recovery", __name__, url_prefix=f"{API}/auth", description="Ways back to an account by mail")


class AddressSchema(Schema):
    """An address that may have an account."""

    email = EmailAddress(required=True)


class TokenSchema(Schema):
    """What a mail brought."""

    token = StrictText(required=True, load_only=True, validate=validate.Length(1, 100))


class ResetSchema(TokenSchema):
    """What a mail brought, and the new password."""

    new_password = StrictText(required=True, load_only=True, validate=validate.Length(MIN_LENGTH, MAX_LENGTH))


@blp.post("/password/forgot")
@blp.guard(anybody)
@limits.sign_in
@blp.arguments(AddressSchema)
@blp.response(200)
@blp.fails(400, 415, 429, 503)
@blp.doc(operationId="auth_forgot_password", security=NO_SIGN_IN)
def forgot_password(data):
    """Have a mail sent by which a new password can be set

    The answer is the same whether or not the address has an account.
    """
    limits.count_account(data["email"])
    recovery.ask_for_mail(current_build().settings, "reset", data["email"])


@blp.post("/password/reset")
@blp.guard(anybody)
@limits.sign_in
@blp.arguments(ResetSchema)
@blp.response(200)
@blp.fails(400, 415, 429, 503)
@blp.doc(operationId="auth_reset_password", security=NO_SIGN_IN)
def reset_password(data):
    """Set a new password with the token of a mail

    The token is good once; all sessions end.
    """
    recovery.reset_password(**data)


@blp.post("/verification")
@blp.guard(anybody)
@limits.sign_in
@blp.arguments(TokenSchema)
@blp.response(200)
@blp.fails(400, 415, 429, 503)
@blp.doc(operationId="auth_verify", security=NO_SIGN_IN)
def verify_address(data):
    """Prove an address with the token of a mail"""
    recovery.verify_address(**data)


@blp.post("/verification/mail")
@blp.guard(anybody)
@limits.sign_in
@blp.arguments(AddressSchema)
@blp.response(200)
@blp.fails(400, 415, 429, 503)
@blp.doc(operationId="auth_send_verification", security=NO_SIGN_IN)
def send_verification(data):
    """Have the mail that proves an address sent again

    The answer is the same whether or not the address has an account.
    """
    limits.count_account(data["email"])
    recovery.ask_for_mail(current_build().settings, "verification", data["email"])
