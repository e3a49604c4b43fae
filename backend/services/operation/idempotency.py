"""Idempotency: a request that is repeated with the same Idempotency-Key gets the response to the first one again."""

from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from peewee import EXCLUDED

from backend.models.database import database
from backend.models.idempotency import IdempotencyKey
from backend.services.errors import Invalid
from backend.utils.clock import utcnow
from backend.utils.problems import Problem

KEPT_FOR = timedelta(hours=24)


class StoredResponse(NamedTuple):
    """A response that can be sent again; `headers` has only those that depend on the request, such as Location."""

    status: int
    headers: dict[str, str]
    body: str
    is_replayed: bool = False


def run_idempotently(
    caller: str, key: str, request_hashes: list[str], run: Callable[[], StoredResponse]
) -> StoredResponse:
    """Call `run()` and return its response, or return the response stored for this caller and key.

    There is one hash of the request for each secret key in use. The first is stored; any of them identifies a repeated
    request. Raises Invalid if the key was used for a different request.

    Everything happens in one transaction. Of two simultaneous requests, one waits for the other. The response is stored
    if and only if the changes of the request are; a failed request stores neither.
    """
    with database.atomic():
        if not _reserve(caller, key, request_hashes[0]):
            return _stored_response(caller, key, request_hashes)
        response = run()
        values = {"status": response.status, "headers": response.headers, "body": response.body}
        is_reserved = (IdempotencyKey.caller == caller) & (IdempotencyKey.key == key)
        IdempotencyKey.update(values).where(is_reserved).execute()
        return response


def _stored_response(caller: str, key: str, request_hashes: list[str]) -> StoredResponse:
    """Return the response stored for the key. Raises Invalid if it was for a different request."""
    row = IdempotencyKey.get_by_id((caller, key))
    if row.request_hash not in request_hashes:
        problem = Problem("key_reused", "This key was used for a different request.")
        raise Invalid({"Idempotency-Key": [problem]}, "headers")
    assert row.status is not None  # status and body are written in the transaction that reserved the key
    assert row.body is not None
    return StoredResponse(row.status, row.headers, row.body, is_replayed=True)


def _reserve(caller: str, key: str, request_hash: str) -> bool:
    """Reserve the key for this request; return False if another request has it. An expired key is free again."""
    expired = IdempotencyKey.created_at < utcnow() - KEPT_FOR
    reserved = IdempotencyKey.insert(caller=caller, key=key, request_hash=request_hash).on_conflict(
        conflict_target=[IdempotencyKey.caller, IdempotencyKey.key],
        update={
            IdempotencyKey.created_at: EXCLUDED.created_at,
            IdempotencyKey.request_hash: EXCLUDED.request_hash,
        },
        where=expired,
    )
    return bool(reserved.returning(IdempotencyKey.key).execute())
