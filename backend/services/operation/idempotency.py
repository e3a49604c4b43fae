"""Requests sent again: the first answer to an Idempotency-Key is kept, and given again."""

from datetime import timedelta
from typing import NamedTuple

from peewee import EXCLUDED

from backend.models.database import database
from backend.models.kept_answer import KeptAnswer
from backend.services.errors import Invalid
from backend.utils.clock import utcnow

KEPT_FOR = timedelta(hours=24)


class Answer(NamedTuple):
    """An answer as it goes out; `headers` are those the request made, such as Location."""

    status: int
    headers: dict
    body: str


def answer_once(caller, key, request_hashes, make_answer):
    """Return (Answer, whether it was given before): that of `make_answer()`, or the one kept for this caller and key.

    The request is known again by any of its hashes; the first one is kept.

    All happens in one transaction: of two requests at the same instant one waits for the other, what a request made is
    kept exactly if its answer is, and one that fails keeps nothing. Raises Invalid when the key came with another
    request before.
    """
    with database.atomic():
        if not _take(caller, key, request_hashes[0]):
            kept = KeptAnswer.get_by_id((caller, key))
            if kept.request_hash not in request_hashes:
                raise Invalid({"Idempotency-Key": ["This key came with another request before."]}, "headers")
            return Answer(kept.status, kept.headers, kept.body), True
        answer = make_answer()
        mine = (KeptAnswer.caller == caller) & (KeptAnswer.key == key)
        KeptAnswer.update(answer._asdict()).where(mine).execute()
        return answer, False


def _take(caller, key, request_hash):
    """Make the key this request's and return True, unless it is another's already; a lapsed one is free again."""
    lapsed = KeptAnswer.created_at < utcnow() - KEPT_FOR
    taken = KeptAnswer.insert(caller=caller, key=key, request_hash=request_hash).on_conflict(
        conflict_target=[KeptAnswer.caller, KeptAnswer.key],
        update={
            KeptAnswer.created_at: EXCLUDED.created_at,
            KeptAnswer.request_hash: EXCLUDED.request_hash,
        },
        where=lapsed,
    )
    return bool(taken.returning(KeptAnswer.key).execute())
