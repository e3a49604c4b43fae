"""`email`: an e-mail address."""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, validate

from backend.services.field_types.base import field_type, option
from backend.services.field_types.marshmallow_fields import StrictText
from backend.services.field_types.string import String, length
from backend.utils.emails import MAX_LENGTH, comparable_email, normalize_email
from backend.utils.problems import Problem


class EmailAddress(StrictText, fields.Email):
    """A normalized e-mail address."""

    normalize = staticmethod(normalize_email)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # email-validator, in normalize_email, replaces the validator that marshmallow adds.
        self.validators = [check for check in self.validators if not isinstance(check, validate.Email)]

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        try:
            return self.normalize(super()._deserialize(value, attr, data, **kwargs))
        except ValueError as error:
            raise ValidationError(Problem("bad_format", str(error), expected="email")) from error


class AccountAddress(EmailAddress):
    """The address of a user account, in lower case."""

    normalize = staticmethod(comparable_email)


class EmailText(StrictText):
    """A text to compare addresses with; if it is not an address, it is only composed (NFC)."""

    def __init__(self, normalize: Callable[[str], str], **options: Any) -> None:
        super().__init__(**options)
        self._normalize = normalize

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            return self._normalize(text)
        except ValueError:
            return unicodedata.normalize("NFC", text)


@field_type("email")
class Email(String):
    """An e-mail address, normalized."""

    computed_from: ClassVar[tuple[str, ...]] = ()
    address_field: ClassVar[type[EmailAddress]] = EmailAddress

    max_length: int | None = option(length(MAX_LENGTH), default=MAX_LENGTH)

    @property
    def holds_empty_text(self) -> bool:
        """False: an empty text is not an address."""
        return False

    def read_plain(self, cells: Sequence[str]) -> list[Any] | None:
        """Return None: each address has its own checks."""
        return None

    def json_field(self, **options: Any) -> fields.Field[Any]:
        """Return a field for addresses."""
        field = super().json_field(**options)
        return self.address_field(validate=field.validators, **options)

    def text_field(self) -> fields.Field[Any]:
        """Return a field for an address in any form, or a part of one."""
        return EmailText(normalize_email)


class AccountEmail(Email):
    """The address of a user account, in lower case; definitions cannot use this type."""

    address_field: ClassVar[type[EmailAddress]] = AccountAddress

    def text_field(self) -> fields.Field[Any]:
        """Return a field for an address in any form and case, or a part of one."""
        return EmailText(comparable_email)
