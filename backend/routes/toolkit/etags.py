"""ETags of records, and the conditional headers of requests."""

from wsgiref.types import WSGIEnvironment

from werkzeug.http import parse_etags

from backend.services.definitions.definition import Definition
from backend.services.records.records import Record
from backend.services.records.versions import read_tag, version_tag


def etag(definition: Definition, record: Record) -> str:
    """Return the ETag of a record: its version tag, in quotes."""
    return f'"{version_tag(definition, record.version)}"'


def is_not_modified(definition: Definition, record: Record, if_none_match: str | None) -> bool:
    """Return whether the header If-None-Match has this version of the record."""
    return bool(if_none_match) and parse_etags(if_none_match).contains_weak(version_tag(definition, record.version))


def if_match(definition: Definition, environ: WSGIEnvironment) -> set[str] | None:
    """Return the versions of a record in the header If-Match, as texts; None if any version is accepted."""
    tags = accepted_tags(environ)
    return None if tags is None else {read_tag(definition, tag) for tag in tags}


def accepted_tags(environ: WSGIEnvironment) -> set[str] | None:
    """Return the tags in the header If-Match, without quotes; None if any is accepted."""
    sent = environ.get("HTTP_IF_MATCH")
    if sent is None or (tags := parse_etags(sent)).star_tag:
        return None
    return {tag for tag in tags.as_set() if tag}  # werkzeug parses the empty tag `""` as None
