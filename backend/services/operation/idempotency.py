"""Idempotency: a request that is sent again with the same Idempotency-Key gets its first answer again."""

from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from peewee import EXCLUDED

from backend.models.database import database
from backend.models.idempotency import IdempotencyKey
from backend.services.errors import Invalid
from backend.utils.clock import utcnow

KEPT_FOR = timedelta(hours=24)


class Answer(NamedTuple):
    """An answer to a request; `headers` are those the request made, such as Location."""

    status: int
    headers: dict[str, str]
    body: str
    is_replayed: bool = False


def run_idempotently(caller: str, key: str, request_hashes: list[str], make_answer: Callable[[], Answer]) -> Answer:
    """Return the Answer of `make_answer()`, or the one kept for this caller and key.

    A repeated request is recognized by any of its hashes; the first one is kept.

    All happens in one transaction: of two requests at the same instant one waits for the other, what a request made is
    kept exactly if its answer is, and one that fails keeps nothing. Raises Invalid if the key was used for a different
    request.
    """
    with database.atomic():
        if not _take(caller, key, request_hashes[0]):
            return _kept_answer(caller, key, request_hashes)
        answer = make_answer()
        values = {"status": answer.status, "headers": answer.headers, "body": answer.body}
        mine = (IdempotencyKey.caller == caller) & (IdempotencyKey.key == key)
        IdempotencyKey.update(values).where(mine).execute()
        return answer


def _kept_answer(caller: str, key: str, request_hashes: list[str]) -> Answer:
    kept = IdempotencyKey.get_by_id((caller, key))
    if kept.request_hash not in request_hashes:
        raise Invalid({"Idempotency-Key": ["This key was used for a different request."]}, "headers")
    assert kept.status is not None  # both are written in the transaction that took the key
    assert kept.body is not None
    return Answer(kept.status, kept.headers, kept.body, is_replayed=True)


def _take(caller: str, key: str, request_hash: str) -> bool:
    """Reserve the key for this request and return True; False if another request has it. An expired one is free."""
    expired = IdempotencyKey.created_at < utcnow() - KEPT_FOR
    taken = IdempotencyKey.insert(caller=caller, key=key, request_hash=request_hash).on_conflict(
        conflict_target=[IdempotencyKey.caller, IdempotencyKey.key],
        update={
            IdempotencyKey.created_at: EXCLUDED.created_at,
            IdempotencyKey.request_hash: EXCLUDED.request_hash,
        },
        where=expired,
    )
    return bool(taken.returning(IdempotencyKey.key).execute())
