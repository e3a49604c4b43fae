"""The header `Idempotency-Key`: a repeated request gets the response to the first one again."""

import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Flask, Response, current_app, make_response, request
from flask.typing import ResponseReturnValue

from backend.middleware.authentication import current_actor
from backend.services.errors import Invalid
from backend.services.operation.idempotency import StoredResponse, run_idempotently
from backend.utils.problems import Problem
from backend.utils.sealing import Sealer

HEADER = "Idempotency-Key"
PARAMETER = {
    "in": "header",
    "name": HEADER,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "description": "A text of your choice, unique for each thing to create. If you repeat a request with the same key "
    "within 24 hours, nothing is created and you get the first response again",
}
REPLAYED = "Idempotency-Replayed"
KEPT_HEADERS = ("ETag", "Location")
HASH_KEYS, SEALER = "IDEMPOTENCY_HASH_KEYS", "IDEMPOTENCY_SEALER"  # in the app's config
_KEY = re.compile(r"[!-~]{1,255}")


def init_app(app: Flask, secret_keys: list[str]) -> None:
    """Hash requests with keys derived from these: the first for the stored hash, all to identify repeated requests.

    Other keys, derived in the same way, encrypt responses that contain secrets.
    """
    keys = [key.encode() for key in secret_keys]
    app.config[HASH_KEYS] = [hmac.digest(key, HEADER.encode(), "sha256") for key in keys]
    app.config[SEALER] = Sealer(keys, "response of a repeated request")


def idempotent(view: Callable[..., ResponseReturnValue], *, sealed: bool = False) -> Callable[..., ResponseReturnValue]:
    """Return a view that runs once for each Idempotency-Key of a caller, and then repeats its response.

    With `sealed`, the response is stored encrypted.
    """

    @wraps(view)
    def run(**arguments: Any) -> ResponseReturnValue:
        key = request.headers.get(HEADER)
        if key is None:
            return view(**arguments)
        if not _KEY.fullmatch(key):
            problem = Problem("bad_format", "Must have 1 to 255 visible ASCII characters.")
            raise Invalid({HEADER: [problem]}, "headers")
        stored = run_idempotently(
            _caller(), key, _request_hashes(), lambda: _to_stored(make_response(view(**arguments)), sealed)
        )
        return _from_stored(stored, sealed)

    return run


def _caller() -> str:
    """Return what identifies the caller: the API key, the user, or the address of an anonymous caller."""
    actor = current_actor()
    return actor.api_key_id or actor.user_id or f"address {request.remote_addr}"


def _request_hashes() -> list[str]:
    """Return a hash of the request for each key; without keys, a stolen database would let passwords be guessed."""
    content = f"{request.method} {request.full_path}\n".encode() + request.get_data(cache=True)
    return [hmac.digest(key, content, "sha256").hex() for key in current_app.config[HASH_KEYS]]


def _to_stored(response: Response, sealed: bool) -> StoredResponse:
    headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    body = _sealer().seal(response.get_data()) if sealed else response.get_data()
    return StoredResponse(response.status_code, headers, (b64encode(body) if sealed else body).decode())


def _from_stored(stored: StoredResponse, sealed: bool) -> Response:
    # A key that has identified the request opens the response, too.
    body = _sealer().open(b64decode(stored.body)) if sealed else stored.body
    response = Response(body, stored.status, stored.headers, mimetype="application/json")
    if stored.is_replayed:
        response.headers[REPLAYED] = "true"
    return response


def _sealer() -> Sealer:
    sealer: Sealer = current_app.config[SEALER]
    return sealer
