"""Normalizes conditional request headers, so that everything behind compares tags in one form."""

import re
from wsgiref.types import WSGIEnvironment

from werkzeug.http import parse_date

from backend.utils.tags import plain_tag

_TAG = re.compile(r'\s*(?:W/)?"[^"]*"[^,]*|[^,]+', re.IGNORECASE)
_TAG_HEADERS = ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH")
_DATE_HEADERS = ("HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE", "HTTP_IF_RANGE")


def normalize_conditional_headers(environ: WSGIEnvironment) -> None:
    """Rewrite the entity tags of a request to plain ones, and remove dates that are too large to parse."""
    _normalize_tags(environ)
    _remove_overflowing_dates(environ)


def _normalize_tags(environ: WSGIEnvironment) -> None:
    """Rewrite the tags of If-Match and If-None-Match: quoted, without `W/` and without what a proxy appends.

    If-Range stays as it is: a part of a compressed response does not fit one that is not compressed.
    """
    for name in _TAG_HEADERS:
        if value := environ.get(name):
            tags = [tag.strip() for tag in _TAG.findall(value)]
            environ[name] = "*" if "*" in tags else ", ".join(f'"{plain_tag(tag)}"' for tag in tags if tag)


def _remove_overflowing_dates(environ: WSGIEnvironment) -> None:
    """Remove headers whose date has a year that is too large: a date that is not valid is ignored (RFC 9110, 13.1.3).

    werkzeug ignores other dates that are not valid, but raises OverflowError for these.
    """
    for name in _DATE_HEADERS:
        if name in environ:
            try:
                parse_date(environ[name])
            except OverflowError:
                del environ[name]
