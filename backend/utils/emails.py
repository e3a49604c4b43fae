"""E-mail addresses."""

import unicodedata

import email_validator
from email_validator import EmailNotValidError, validate_email

# A team may use domains such as `localhost` and `.local` on its own machines; the library refuses the ones listed here.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()

MAX_LENGTH = 254  # RFC 5321, 4.5.3.1.3


def normalize_email(text: str) -> str:
    """Return `text` as a normalised e-mail address; raise ValueError with the reason if it is none.

    Only the form is checked, without any network access, and a domain needs no dot.
    """
    try:
        return validate_email(text, check_deliverability=False, globally_deliverable=False, strict=True).normalized
    except EmailNotValidError as error:
        raise ValueError(str(error)) from None


def user_email(text: str) -> str:
    """Return the form in which the address of a user is stored: normalised, in lower case; raise ValueError."""
    return unicodedata.normalize("NFC", normalize_email(text).lower())


def comparable_email(text: str) -> str:
    """Return the form in which the address of a user is looked up; a text that is no address is put into lower case."""
    try:
        return user_email(text)
    except ValueError:
        return unicodedata.normalize("NFC", text.lower())
