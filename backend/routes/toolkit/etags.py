"""ETags of records."""

from flask import request

from backend.services.definitions.definition import Definition
from backend.services.records.records import Record
from backend.services.records.versions import read_tag, version_tag


def etag(definition: Definition, record: Record) -> str:
    """Return the ETag: the version and, once the same row reads otherwise than before, that of the definition."""
    return f'"{version_tag(definition, record.version)}"'


def is_known(definition: Definition, record: Record) -> bool:
    """Tell whether the client has this version of the record."""
    if "If-None-Match" not in request.headers:
        return False
    return request.if_none_match.contains_weak(version_tag(definition, record.version))


def if_match(definition: Definition) -> set[str] | None:
    """Return the versions in If-Match, as texts; None when any version will do."""
    if "If-Match" not in request.headers or request.if_match.star_tag:
        return None
    # werkzeug reads the empty tag `""` as None.
    return {read_tag(definition, tag) for tag in request.if_match.as_set() if tag}
