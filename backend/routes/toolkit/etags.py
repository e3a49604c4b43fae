"""ETags of records."""

from flask import request

from backend.services.records.versions import read_tag, version_tag


def etag(definition, record):
    """Return the ETag: the version and, once the same row reads otherwise than before, that of the definition."""
    return f'"{version_tag(definition, record.version)}"'


def is_known(definition, record):
    """Tell whether the client has the record as it is."""
    if "If-None-Match" not in request.headers:
        return False
    return request.if_none_match.contains_weak(version_tag(definition, record.version))


def if_match(definition):
    """Return the versions in If-Match, as a set of texts; None when any version will do."""
    if "If-Match" not in request.headers or request.if_match.star_tag:
        return None
    # werkzeug reads the empty tag `""` as None.
    return {read_tag(definition, tag) for tag in request.if_match.as_set() if tag}
