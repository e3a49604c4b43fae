"""E-mail addresses."""

import unicodedata

import email_validator
from email_validator import EmailNotValidError, validate_email

# Names such as `localhost` and `.local` are fine on a team's own machines; the library refuses what this list holds.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()

MAX_LENGTH = 254  # RFC 5321, 4.5.3.1.3


def normalize_email(text):
    """Return `text` as a normalised e-mail address; raise ValueError saying what is wrong with it.

    Only the form is checked, never the network, and a domain needs no dot.
    """
    try:
        return validate_email(text, check_deliverability=False, globally_deliverable=False, strict=True).normalized
    except EmailNotValidError as error:
        raise ValueError(str(error)) from None


def account_email(text):
    """Return the form in which the address of an account is kept: normalised, in lower case; raise ValueError."""
    return unicodedata.normalize("NFC", normalize_email(text).lower())


def comparable_email(text):
    """Return the form in which an address of an account is looked up: of what is no address, as near as it gets."""
    try:
        return account_email(text)
    except ValueError:
        return unicodedata.normalize("NFC", text.lower())
