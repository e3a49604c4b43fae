"""Conditional request headers, in the one form that everything behind compares."""

import re
from wsgiref.types import WSGIEnvironment

from werkzeug.http import parse_date

from backend.utils.tags import plain_tag

_TAG = re.compile(r'\s*(?:W/)?"[^"]*"[^,]*|[^,]+', re.IGNORECASE)
_LISTS = ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH")
_DATES = ("HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE", "HTTP_IF_RANGE")


def simplify_conditions(environ: WSGIEnvironment) -> None:
    """Rewrite the tags of a request's conditions to plain ones, and remove dates that are not valid."""
    _simplify_tags(environ)
    _remove_impossible_dates(environ)


def _simplify_tags(environ: WSGIEnvironment) -> None:
    """Rewrite If-Match and If-None-Match to plain tags, so that everything that compares them agrees.

    Not If-Range: parts of a compressed answer and of one that is not compressed do not fit together.
    """
    for name in _LISTS:
        if given := environ.get(name):
            tags = [found.strip() for found in _TAG.findall(given)]
            environ[name] = "*" if "*" in tags else ", ".join(f'"{plain_tag(tag)}"' for tag in tags if tag)


def _remove_impossible_dates(environ: WSGIEnvironment) -> None:
    """Remove conditions whose date no calendar has: a date that is not valid is no condition (RFC 9110, 13.1.3).

    werkzeug ignores most of them itself, but raises OverflowError at a year that is too large.
    """
    for name in _DATES:
        try:
            parse_date(environ.get(name))
        except OverflowError:
            del environ[name]
