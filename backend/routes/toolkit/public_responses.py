"""Responses that everybody may read, and that caches may keep: `cache_seconds` of a definition."""

import hashlib
from collections.abc import Mapping
from typing import Any

from flask import Response, request

from backend.middleware.headers import PUBLIC
from backend.services.definitions.definition import Definition

TAG_BYTES = 12
CREDENTIALS = ("HTTP_AUTHORIZATION", "HTTP_COOKIE")  # keys in the WSGI environment
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


def public_headers(definition: Definition, environ: Mapping[str, Any]) -> dict[str, str]:
    """Return the header that lets caches keep the response to a request; none if it has credentials.

    Even a cookie that Larder does not know counts as one.
    """
    if definition.cache_seconds is None or any(name in environ for name in CREDENTIALS):
        return {}
    return {"Cache-Control": f"{PUBLIC}{definition.cache_seconds}"}


def tagged_if_public(definition: Definition, response: Response) -> Response:
    """Return the response with an ETag of its content if caches may keep it, or a 304 if the client has this content.

    Any other response is returned as it is.
    """
    headers = public_headers(definition, request.environ)
    if not headers:
        return response
    tag = _content_tag(response)
    headers["ETag"] = f'W/"{tag}"'
    if request.if_none_match.contains_weak(tag):
        return Response(status=304, headers=headers)
    response.headers.update(headers)
    return response


def documented_tag(definition: Definition) -> dict[str, Any]:
    """Return what the OpenAPI document says about the ETag of a list or aggregate."""
    return DOCUMENTED_TAG if definition.cache_seconds else {}


def _content_tag(response: Response) -> str:
    """Return a hash of the body without its timestamp. So the tag is weak: the bytes may differ."""
    content = response.get_data().rpartition(b'"timestamp":')[0]
    return hashlib.sha256(content).hexdigest()[: 2 * TAG_BYTES]
