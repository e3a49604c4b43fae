"""Sends what is due: one attempt after the other, without a database connection while it waits for the receiver."""

import time
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from backend.config.settings import Settings
from backend.models.database import connected
from backend.models.definition import Generation
from backend.models.delivery import Delivery
from backend.models.webhook import Webhook
from backend.services.definitions.catalog import Catalog, Catalogs
from backend.services.webhooks import queue
from backend.services.webhooks.calls import Answer, Caller, CallFailed
from backend.services.webhooks.makers import actor_of
from backend.services.webhooks.payloads import SECRET_LOST, Message, make_message
from backend.services.webhooks.queue import Outcome
from backend.services.webhooks.signatures import signed_headers
from backend.services.webhooks.targets import NotAllowed, parse_target
from backend.utils.addresses import parse_networks
from backend.utils.clock import utcnow
from backend.utils.version import VERSION

BUSY = (429, 503)  # statuses whose Retry-After is obeyed (RFC 9110, 10.2.3)
LONGEST_WAIT = timedelta(days=1)
HEADERS = {"Content-Type": "application/json; charset=utf-8", "User-Agent": f"Larder/{VERSION}"}


class _Claimed(NamedTuple):
    webhook: Webhook
    delivery: Delivery
    message: Message


class Sender:
    """Sends deliveries of webhooks, from any thread. A receiver that has asked to wait is left alone so long."""

    def __init__(self, settings: Settings, catalogs: Catalogs) -> None:
        self.caller = Caller(parse_networks(settings.webhook_networks))
        self._catalogs = catalogs
        self._paused_until: dict[str, datetime] = {}  # by the id of a webhook

    def catalog(self) -> Catalog:
        """Return the Catalog of the current definitions."""
        catalog, generation = self._catalogs.newest, Generation.current()
        return catalog if catalog.generation == generation else self._catalogs.after(catalog, generation)

    def send_next(self, webhook_id: str) -> bool:
        """Make one attempt of a delivery that is due; return whether there was one."""
        with connected():
            claimed = self._claim(webhook_id)
        if claimed is None:
            return False
        outcome = self._attempt(claimed.message)
        if outcome.wait:
            self._paused_until[webhook_id] = utcnow() + outcome.wait
        with connected():
            queue.settle(claimed.webhook, claimed.delivery, outcome)
        return True

    def _claim(self, webhook_id: str) -> _Claimed | None:
        """Claim a delivery that is due and make its message; drop those whose changes are no longer visible."""
        webhook = Webhook.get_or_none(Webhook.id == webhook_id)
        if webhook is None or self._is_paused(webhook_id) or (actor := actor_of(webhook)) is None:
            return None
        while (delivery := queue.claim(webhook)) is not None:
            message = make_message(actor, self.catalog(), webhook, delivery)
            if message is not None:
                return _Claimed(webhook, delivery, message)
            queue.drop(delivery)
        return None

    def _is_paused(self, webhook_id: str) -> bool:
        until = self._paused_until.get(webhook_id)
        if until is not None and until <= utcnow():
            self._paused_until.pop(webhook_id, None)
        return until is not None and until > utcnow()

    def _attempt(self, message: Message) -> Outcome:
        if message.secrets is None:
            return Outcome(0, error=SECRET_LOST)
        began = time.monotonic()
        body = message.body
        try:
            target = parse_target(message.url, self.caller.networks)
            headers = HEADERS | signed_headers(message.secrets, message.id, utcnow(), body)
            answer = self.caller.post(target, headers, body.encode())
        except (NotAllowed, CallFailed) as error:
            return Outcome(_milliseconds_since(began), error=str(error))
        return _outcome_of(answer, _milliseconds_since(began))


def _milliseconds_since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


def _outcome_of(answer: Answer, milliseconds: int) -> Outcome:
    outcome = Outcome(milliseconds, answer.status)
    if outcome.is_success:
        return outcome
    redirect = " Redirects are not followed." if 300 <= answer.status < 400 else ""
    wait = _wait_asked_for(answer.retry_after) if answer.status in BUSY else None
    return outcome._replace(error=f"The receiver answered with status {answer.status}.{redirect}", wait=wait)


def _wait_asked_for(retry_after: str | None) -> timedelta | None:
    """Return how long the receiver asks to wait, at most LONGEST_WAIT; None if it does not say so."""
    text = (retry_after or "").strip()
    try:
        if text.isascii() and text.isdecimal():
            wait = timedelta(seconds=min(int(text[:9]), 10**6))
        else:
            wait = parsedate_to_datetime(text).astimezone(utcnow().tzinfo) - utcnow()
    except ValueError:
        return None
    return min(max(wait, timedelta()), LONGEST_WAIT)
