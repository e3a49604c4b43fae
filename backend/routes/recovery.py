"""Confirming an address and resetting a password by e-mail: `/api/v1/auth/verification`, `/api/v1/auth/password/…`."""

from marshmallow import Schema, validate

from backend.middleware.app import get_app
from backend.middleware.guards import anybody
from backend.middleware.limits import limits
from backend.middleware.paths import API
from backend.routes.toolkit.blueprint import Blueprint
from backend.routes.toolkit.security import NO_SIGN_IN
from backend.services.accounts import recovery
from backend.services.accounts.passwords import MAX_LENGTH, MIN_LENGTH
from backend.services.field_types.email import EmailAddress
from backend.services.field_types.marshmallow_fields import StrictText

blp = Blueprint("recovery", __name__, url_prefix=f"{API}/auth", description="Password reset and confirmation by mail")


class MailRequestSchema(Schema):
    """An address, with or without an account."""

    email = EmailAddress(required=True)


class MailTokenSchema(Schema):
    """The token of a mail."""

    token = StrictText(required=True, load_only=True, validate=validate.Length(1, 100))


class PasswordResetSchema(MailTokenSchema):
    """The token of a mail, and the new password."""

    new_password = StrictText(required=True, load_only=True, validate=validate.Length(MIN_LENGTH, MAX_LENGTH))


@blp.post("/password/forgot")
@blp.guard(anybody)
@limits.sign_in
@blp.arguments(MailRequestSchema)
@blp.response(200)
@blp.fails(400, 415, 429, 503)
@blp.doc(operationId="request_password_reset", security=NO_SIGN_IN)
def forgot_password(data: dict[str, str]) -> None:
    """Ask for a mail to reset your password

    The response is the same whether or not the address has an account.
    """
    limits.count_account(data["email"])
    recovery.request_mail(get_app().settings, "reset", data["email"])


@blp.post("/password/reset")
@blp.guard(anybody)
@limits.sign_in
@blp.arguments(PasswordResetSchema)
@blp.response(200)
@blp.fails(400, 415, 429, 503)
@blp.doc(operationId="reset_password", security=NO_SIGN_IN)
def reset_password(data: dict[str, str]) -> None:
    """Reset your password with the token of a mail

    The token works once. This ends all your sessions.
    """
    recovery.reset_password(**data)


@blp.post("/verification")
@blp.guard(anybody)
@limits.sign_in
@blp.arguments(MailTokenSchema)
@blp.response(200)
@blp.fails(400, 415, 429, 503)
@blp.doc(operationId="verify_address", security=NO_SIGN_IN)
def verify_address(data: dict[str, str]) -> None:
    """Confirm your address with the token of a mail"""
    recovery.verify_address(**data)


@blp.post("/verification/mail")
@blp.guard(anybody)
@limits.sign_in
@blp.arguments(MailRequestSchema)
@blp.response(200)
@blp.fails(400, 415, 429, 503)
@blp.doc(operationId="send_verification", security=NO_SIGN_IN)
def send_verification(data: dict[str, str]) -> None:
    """Ask for another mail to confirm your address

    The response is the same whether or not the address has an account.
    """
    limits.count_account(data["email"])
    recovery.request_mail(get_app().settings, "verification", data["email"])
