"""ETags of records."""

from flask import request

from backend.middleware.conditions import plain_tag


def etag(definition, record):
    """Return the ETag: the version and, once the same row reads otherwise than before, that of the definition."""
    return f'"{_tag(definition, record.version)}"'


def _tag(definition, version):
    return str(version) if definition.version == 1 else f"{version}.{definition.version}"


def is_known(definition, record):
    """Tell whether the client has the record as it is."""
    return "If-None-Match" in request.headers and request.if_none_match.contains_weak(_tag(definition, record.version))


def if_match(definition):
    """Return the versions in If-Match, as a set of texts; None when any version will do."""
    if "If-Match" not in request.headers or request.if_match.star_tag:
        return None
    # werkzeug reads the empty tag `""` as None.
    return {read_tag(definition, tag) for tag in request.if_match.as_set() if tag}


def read_tag(definition, text):
    """Return the version that a tag stands for, as text; a version alone is one too."""
    return plain_tag(text.strip()).removesuffix(f".{definition.version}")
