"""Cursors of the feed of changes: encrypted, because their numbers would tell how much is written of what is hidden."""

import hmac
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256
from struct import Struct
from typing import NamedTuple
from uuid import UUID

from itsdangerous import URLSafeSerializer

from backend.services.definitions.catalog import Resource
from backend.services.errors import Expired, Malformed, Unavailable
from backend.services.storage.feed_reading import FeedState, Position, read_state

CONTENT = Struct(">QQ16s8s")  # the position, the epoch, and a hash of the names of the resources
NONCE_BYTES, TAG_BYTES = 12, 16
LENGTH = NONCE_BYTES + CONTENT.size + TAG_BYTES
NOT_OURS = "The cursor was not issued here, or not with the present key."


class CursorMaker(NamedTuple):
    """Writes cursors of the feeds of some resources."""

    key: bytes
    epoch: bytes
    names: bytes

    @classmethod
    def of(cls, serializer: URLSafeSerializer, resources: Sequence[str], state: FeedState) -> "CursorMaker":
        """Return the maker of cursors for these resources, with the key of the serializer."""
        return cls(serializer.secret_keys[-1], UUID(min(state.epochs)).bytes, _hash(resources))

    def write(self, position: Position) -> str:
        """Return the cursor of a Position."""
        nonce = os.urandom(NONCE_BYTES)
        content = _mixed(self.key, nonce, CONTENT.pack(*position, self.epoch, self.names))
        return urlsafe_b64encode(nonce + content + _tag(self.key, nonce + content)).decode().rstrip("=")


def changes_cursor(resource: Resource) -> str:
    """Return the cursor of the end of a resource's feed. Take it before the records are listed.

    Raises Unavailable if the feed has just ended.
    """
    state = state_of([resource.name])
    return CursorMaker.of(resource.cursor_serializer, [resource.name], state).write(state.end)


def state_of(resources: Sequence[str]) -> FeedState:
    """Return the FeedState of resources with a feed. Raises Unavailable if one has just ended."""
    try:
        return read_state(resources)
    except LookupError as error:
        raise Unavailable("The definition has just changed; send the request again.") from error


def read_cursor(cursor: str, serializer: URLSafeSerializer, resources: Sequence[str], state: FeedState) -> Position:
    """Return the Position in a cursor of the feeds of these resources, or of one of them.

    Raises Malformed if it is another cursor, Expired if changes after it have been deleted, or are not comparable.
    """
    transaction_id, sequence, epoch, names = CONTENT.unpack(_decrypted(cursor, serializer))
    if names not in (_hash(resources), *(_hash([each]) for each in resources)):
        raise Malformed("The cursor belongs to other resources.")
    position = Position(transaction_id, sequence)
    if str(UUID(bytes=epoch)) not in state.epochs or not state.start <= position <= state.end:
        raise Expired()
    return position


def _decrypted(cursor: str, serializer: URLSafeSerializer) -> bytes:
    try:
        signed = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError as error:
        raise Malformed(NOT_OURS) from error
    nonce, content, tag = signed[:NONCE_BYTES], signed[NONCE_BYTES:-TAG_BYTES], signed[-TAG_BYTES:]
    for key in serializer.secret_keys if len(signed) == LENGTH else ():
        if hmac.compare_digest(tag, _tag(key, nonce + content)):
            return _mixed(key, nonce, content)
    raise Malformed(NOT_OURS)


def _mixed(key: bytes, nonce: bytes, content: bytes) -> bytes:
    """Return the content encrypted, or decrypted: combined with a hash of the nonce, which no other cursor has."""
    stream = hmac.digest(key, b"cursor of changes: content" + nonce, "sha512")
    return bytes(one ^ other for one, other in zip(content, stream, strict=False))


def _tag(key: bytes, content: bytes) -> bytes:
    return hmac.digest(key, b"cursor of changes: tag" + content, "sha256")[:TAG_BYTES]


def _hash(resources: Sequence[str]) -> bytes:
    return sha256(",".join(sorted(resources)).encode()).digest()[:8]
