"""ETags of records, lists and aggregates, and the conditional headers of requests."""

import hashlib
from collections.abc import Container
from wsgiref.types import WSGIEnvironment

from werkzeug.http import parse_etags

from backend.routes.toolkit.envelope import CHANGES_CURSOR
from backend.services.definitions.definition import Definition
from backend.services.records.records import Record
from backend.services.records.versions import read_tag, version_tag
from backend.utils.clock import utcnow
from backend.utils.tags import AnyTag

TAG_BYTES = 12  # of a hash


def etag(definition: Definition, record: Record) -> str:
    """Return the ETag of a record: its version tag, in quotes."""
    return f'"{version_tag(definition, record.version)}"'


def content_tag(body: bytes, *, has_feed: bool) -> str:
    """Return the tag of a list or an aggregate: a hash of its body without the timestamp. So it is a weak one.

    The `changes_cursor` of a list is different each time. Instead, the hash includes the hour: a client that is sent
    304 keeps its cursor, which must not expire.
    """
    content = body.rpartition(b'"timestamp":')[0]
    if has_feed:
        content = content.rpartition(CHANGES_CURSOR.encode())[0] + utcnow().strftime("%Y%m%d%H").encode()
    return hashlib.sha256(content).hexdigest()[: 2 * TAG_BYTES]


def is_not_modified(definition: Definition, record: Record, if_none_match: str | None) -> bool:
    """Return whether the header If-None-Match has this version of the record."""
    return bool(if_none_match) and parse_etags(if_none_match).contains_weak(version_tag(definition, record.version))


def if_match(definition: Definition, environ: WSGIEnvironment) -> Container[str] | None:
    """Return the versions of a record that the header If-Match accepts, as texts; None without the header."""
    tags = accepted_tags(environ)
    return {read_tag(definition, tag) for tag in tags} if isinstance(tags, set) else tags


def accepted_tags(environ: WSGIEnvironment) -> set[str] | AnyTag | None:
    """Return the tags that the header If-Match accepts, without quotes; None without the header."""
    sent = environ.get("HTTP_IF_MATCH")
    if sent is None:
        return None
    tags = parse_etags(sent)
    if tags.star_tag:
        return AnyTag()
    return {tag for tag in tags.as_set() if tag}  # werkzeug parses the empty tag `""` as None
