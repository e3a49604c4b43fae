"""The time, always in UTC."""

from datetime import UTC, datetime


def utcnow():
    """Return the current time as an aware datetime in UTC."""
    return datetime.now(UTC)


def rfc3339(moment):
    """Return an aware datetime as RFC 3339 text in UTC with six fraction digits and `Z`.

    The width is fixed, so that the texts sort as the moments do.
    """
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def seconds_stamp():
    """Return the current time as RFC 3339 text in whole seconds, as the envelope carries it."""
    return utcnow().strftime("%Y-%m-%dT%H:%M:%SZ")
