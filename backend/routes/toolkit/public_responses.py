"""Responses that everybody may read, and that caches may keep: `cache_seconds` of a definition."""

from collections.abc import Mapping
from typing import Any

from werkzeug.http import parse_etags

from backend.middleware.answer import NOT_MODIFIED, Answer
from backend.middleware.headers import CREDENTIALS, PUBLIC
from backend.middleware.wsgi import Headers
from backend.routes.toolkit.etags import content_tag
from backend.services.definitions.definition import Definition

# What the OpenAPI document says about lists and aggregates that have an ETag.
DOCUMENTED_TAG: dict[str, Any] = {
    "parameters": [
        {
            "in": "header",
            "name": "If-None-Match",
            "schema": {"type": "string"},
            "description": "Respond with 304 if the content still has one of these ETags",
        }
    ],
    "responses": {"304": {"description": "The content has not changed"}},
}


def public_headers(definition: Definition, environ: Mapping[str, Any]) -> Headers:
    """Return the header that lets caches keep the response to a request; none if it has credentials.

    Even a cookie that Larder does not know counts as one.
    """
    if definition.cache_seconds is None or any(name in environ for name in CREDENTIALS):
        return []
    return [("Cache-Control", f"{PUBLIC}{definition.cache_seconds}")]


def tagged_if_public(
    definition: Definition, answer: Answer, environ: Mapping[str, Any], *, is_list: bool = False
) -> Answer:
    """Return the Answer with an ETag of its content if caches may keep it, or a 304 if the client has this content.

    Any other Answer is returned as it is.
    """
    headers = public_headers(definition, environ)
    if not headers:
        return answer
    tag = content_tag(answer.body, has_feed=is_list and definition.feed)
    headers.append(("ETag", f'W/"{tag}"'))
    if parse_etags(environ.get("HTTP_IF_NONE_MATCH")).contains_weak(tag):
        return Answer(b"", NOT_MODIFIED, headers)
    return answer._replace(headers=[*answer.headers, *headers])


def documented_tag(definition: Definition) -> dict[str, Any]:
    """Return what the OpenAPI document says about the ETag of a list or aggregate."""
    return DOCUMENTED_TAG if definition.cache_seconds else {}
