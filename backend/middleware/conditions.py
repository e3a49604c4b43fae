"""Conditional request headers, in the one form that everything behind compares."""

import re

from werkzeug.http import parse_date

from backend.utils.tags import plain_tag

_TAG = re.compile(r'\s*(?:W/)?"[^"]*"[^,]*|[^,]+', re.IGNORECASE)
_LISTS = ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH")
_DATES = ("HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE", "HTTP_IF_RANGE")


def simplify_tags(environ: dict) -> None:
    """Rewrite If-Match and If-None-Match of a request to plain tags, so that whatever compares them agrees.

    Not If-Range: parts of a compressed answer and of another do not fit together.
    """
    for name in _LISTS:
        if given := environ.get(name):
            tags = [found.strip() for found in _TAG.findall(given)]
            environ[name] = "*" if "*" in tags else ", ".join(f'"{plain_tag(tag)}"' for tag in tags if tag)


def forget_impossible_dates(environ: dict) -> None:
    """Remove conditions of a request whose date no calendar has: a date that is not valid is no condition.

    werkzeug ignores most of them itself (RFC 9110, 13.1.3), but stops at a year that is too large.
    """
    for name in _DATES:
        try:
            parse_date(environ.get(name))
        except OverflowError:
            del environ[name]
