"""The header `Idempotency-Key`: a request that is sent again gets its first answer again."""

import hmac
import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Flask, Response, current_app, request

from backend.middleware.authentication import current_actor
from backend.services.errors import Invalid
from backend.services.operation.idempotency import Answer, run_idempotently

HEADER = "Idempotency-Key"
PARAMETER = {
    "in": "header",
    "name": HEADER,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "description": "Any text of your own, new for each thing to create. The same request with the same key, within "
    "24 hours, creates nothing and gets the first answer again",
}
REPLAYED = "Idempotency-Replayed"
KEPT_HEADERS = ("ETag", "Location")
HASH_KEYS = "IDEMPOTENCY_HASH_KEYS"  # in the app's config
_KEY = re.compile(r"[!-~]{1,255}")


def init_app(app: Flask, secret_keys: list[str]) -> None:
    """Hash requests with these keys: the first for what is kept, all to recognize a repeated request."""
    app.config[HASH_KEYS] = [hmac.digest(key.encode(), HEADER.encode(), "sha256") for key in secret_keys]


def idempotent(view: Callable[..., Response]) -> Callable[..., Response]:
    """Return the view running once for each Idempotency-Key of an actor."""

    @wraps(view)
    def run(**arguments: Any) -> Response:
        key = request.headers.get(HEADER)
        if key is None:
            return view(**arguments)
        if not _KEY.fullmatch(key):
            raise Invalid({HEADER: ["1 to 255 visible ASCII characters."]}, "headers")
        answer = run_idempotently(_caller(), key, _request_hashes(), lambda: _answer_of(view(**arguments)))
        return _response_of(answer)

    return run


def _caller() -> str:
    """Return what tells callers apart; strangers are told apart by their address alone."""
    actor = current_actor()
    return actor.api_key_id or actor.user_id or f"address {request.remote_addr}"


def _request_hashes() -> list[str]:
    """Return the hashes of the request by each key: without one a stolen database would let passwords be guessed."""
    content = f"{request.method} {request.full_path}\n".encode() + request.get_data(cache=True)
    return [hmac.digest(key, content, "sha256").hex() for key in current_app.config[HASH_KEYS]]


def _answer_of(response: Response) -> Answer:
    headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    return Answer(response.status_code, headers, response.get_data(as_text=True))


def _response_of(answer: Answer) -> Response:
    response = Response(answer.body, answer.status, answer.headers, mimetype="application/json")
    if answer.is_replayed:
        response.headers[REPLAYED] = "true"
    return response
