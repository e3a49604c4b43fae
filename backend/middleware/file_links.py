"""Signed links to single files, for pages and mails that cannot send a token.

A link gives no right of its own: each time it is used, its maker must still be allowed to read the file.
"""

import hashlib
import time
from datetime import UTC, datetime
from typing import NamedTuple

from flask import Flask, current_app
from itsdangerous import BadData, URLSafeSerializer

from backend.services.access.actors import PUBLIC, Actor
from backend.services.accounts import api_keys, sessions
from backend.services.errors import NotFound
from backend.services.files.contents import LINK_ENDED

SERIALIZER = "LINK_SERIALIZER"  # in the app's config
SALT = "file-link"


class Link(NamedTuple):
    """A signed link: its token, and when it ends."""

    token: str
    ends_at: datetime


def init_app(app: Flask, secret_keys: list[str]) -> None:
    """Sign links with the first key; those signed with any of the keys are valid."""
    keys = secret_keys[::-1]  # the serializer signs with the last
    app.config[SERIALIZER] = URLSafeSerializer(keys, salt=SALT, signer_kwargs={"digest_method": hashlib.sha256})


def sign_link(actor: Actor, file_id: str, seconds: int) -> Link:
    """Return a Link to a file that ends after this time, or with the session or API key of the actor."""
    ends_at = int(time.time()) + seconds
    token = current_app.config[SERIALIZER].dumps([file_id, actor.session_id, actor.api_key_id, ends_at])
    return Link(token, datetime.fromtimestamp(ends_at, UTC))


def actor_of_link(file_id: str, token: str) -> Actor:
    """Return the Actor who made the link to a file, with the roles of today.

    Raises NotFound if the token is not valid for this file or has ended.
    """
    try:
        signed_id, session_id, key_id, ends_at = current_app.config[SERIALIZER].loads(token)
    except (BadData, ValueError) as error:
        raise NotFound(LINK_ENDED) from error
    if signed_id != file_id or ends_at <= time.time():
        raise NotFound(LINK_ENDED)
    if session_id is None and key_id is None:
        return PUBLIC
    actor = sessions.find_actor(session_id) if key_id is None else api_keys.find_actor(key_id)
    if actor is None:
        raise NotFound(LINK_ENDED)
    return actor
