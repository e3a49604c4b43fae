"""E-mail addresses."""

import codecs
import unicodedata

import email_validator
import idna.uts46data  # noqa: F401 # now: without a descriptor for its file, idna could not import it later
from email_validator import EmailNotValidError, validate_email

# The library refuses these domains, such as `localhost` and `.local`, but a team may use them on its own machines.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()
codecs.lookup("punycode")  # now, for the same reason

MAX_LENGTH = 254  # RFC 5321, 4.5.3.1.3


def normalize_email(text: str) -> str:
    """Return `text` as a normalized e-mail address. Raises ValueError with the reason if it is not one.

    Only the form is checked, without network access. A domain needs no dot.
    """
    try:
        return validate_email(text, check_deliverability=False, globally_deliverable=False, strict=True).normalized
    except EmailNotValidError as error:
        raise ValueError(str(error)) from None


def user_email(text: str) -> str:
    """Return the form in which a user's address is stored: normalized, in lower case.

    Raises ValueError with the reason if it is not an e-mail address.
    """
    return unicodedata.normalize("NFC", normalize_email(text).lower())


def comparable_email(text: str) -> str:
    """Return the form in which a user's address is looked up; a text that is not an address is only lower-cased."""
    try:
        return user_email(text)
    except ValueError:
        return unicodedata.normalize("NFC", text.lower())
