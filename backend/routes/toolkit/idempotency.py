"""`Idempotency-Key`: a request that is sent again gets its first answer again."""

import hmac
import re
from functools import wraps

from flask import Response, current_app, request

from backend.middleware.authentication import current_actor
from backend.services.errors import Invalid
from backend.services.operation.idempotency import Answer, answer_once

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
        answer, replayed = answer_once(_caller(), key, _request_hashes(), lambda: _answer_of(view(**arguments)))
        response = Response(answer.body, answer.status, answer.headers, mimetype="application/json")
        if replayed:
            response.headers[REPLAYED] = "true"
        return response

    return repeatable


def _caller():
    """Return what tells callers apart; strangers are told apart by their address alone."""
    actor = current_actor()
    return actor.api_key_id or actor.user_id or f"address {request.remote_addr}"


def init_app(app, secret_keys):
    """Hash requests with these keys: the first for what is kept, all to know a request again."""
    app.config["REPEAT_KEYS"] = [hmac.digest(key.encode(), HEADER.encode(), "sha256") for key in secret_keys]


def _request_hashes():
    """Return the hashes of the request by each key: without one a stolen database would let passwords be guessed."""
    told = f"{request.method} {request.full_path}\n".encode() + request.get_data(cache=True)
    return [hmac.digest(key, told, "sha256").hex() for key in current_app.config["REPEAT_KEYS"]]


def _answer_of(response):
    headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    return Answer(response.status_code, headers, response.get_data(as_text=True))
