"""`Idempotency-Key`: a request that is sent again gets its first answer again."""

import hashlib
import re
from functools import wraps

from flask import Response, request

from backend.middleware.authentication import current_actor
from backend.services.errors import Invalid
from backend.services.repeats import Answer, answer_once

HEADER = "Idempotency-Key"
PARAMETER = {
    "in": "header",
    "name": HEADER,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "description": "Any text of your own, new for each thing to make: the same request with it again, within 24 hours, "
    "makes nothing and gets the first answer again",
}
REPLAYED = "Idempotency-Replayed"
KEPT_HEADERS = ("ETag", "Location")
_KEY = re.compile(r"[!-~]{1,255}")


def answered_once(view):
    """Return the view, which makes a Response, running once for each Idempotency-Key of an actor."""

    @wraps(view)
    def repeatable(**arguments):
        key = request.headers.get(HEADER)
        if key is None:
            return view(**arguments)
        if not _KEY.fullmatch(key):
            raise Invalid({HEADER: ["1 to 255 visible ASCII characters."]}, "headers")
        answer, replayed = answer_once(_caller(), key, _request_hash(), lambda: _answer_of(view(**arguments)))
        response = Response(answer.body, answer.status, answer.headers, mimetype="application/json")
        if replayed:
            response.headers[REPLAYED] = "true"
        return response

    return repeatable


def _caller():
    """Return what tells callers apart; strangers are told apart by their address alone."""
    actor = current_actor()
    return actor.api_key_id or actor.user_id or f"address {request.remote_addr}"


def _request_hash():
    told = f"{request.method} {request.full_path}\n".encode() + request.get_data(cache=True)
    return hashlib.sha256(told).hexdigest()


def _answer_of(response):
    headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    return Answer(response.status_code, headers, response.get_data(as_text=True))
