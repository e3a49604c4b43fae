"""`email`: an e-mail address."""

import marshmallow as ma

from backend.services.field_types.base import StrictText, field_type, option
from backend.services.field_types.string import String, length
from backend.utils.emails import MAX_LENGTH, normalize_email


class EmailAddress(StrictText, ma.fields.Email):
    """A normalised e-mail address."""

    def __init__(self, **options):
        super().__init__(**options)
        # email-validator replaces the validator that marshmallow adds by itself.
        self.validators = [check for check in self.validators if not isinstance(check, ma.validate.Email)]

    def _deserialize(self, value, attr, data, **kwargs):
        try:
            return normalize_email(super()._deserialize(value, attr, data, **kwargs))
        except ValueError as error:
            raise ma.ValidationError(str(error)) from error


@field_type("email")
class Email(String):
    """An e-mail address, normalised."""

    holds_empty_text = False

    max_length: int = option(length(MAX_LENGTH), MAX_LENGTH)

    def wire(self, **options):
        """Return a field for addresses."""
        field = super().wire(**options)
        return EmailAddress(validate=field.validators, **options)
