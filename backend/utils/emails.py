"""E-mail addresses."""

from email_validator import EmailNotValidError, validate_email

MAX_LENGTH = 254  # RFC 5321, 4.5.3.1.3


def normalize_email(text):
    """Return `text` as a normalised e-mail address; raise ValueError saying what is wrong with it.

    Only the form is checked, never the network; names such as `localhost` are fine on a team's own machines.
    """
    try:
        return validate_email(text, check_deliverability=False, globally_deliverable=False).normalized
    except EmailNotValidError as error:
        raise ValueError(str(error)) from None
