"""Sends what is due: one attempt after the other, without a database connection while it waits for the receiver."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from backend.config.settings import Settings
from backend.models.database import connected
from backend.models.delivery import Delivery
from backend.models.webhook import Webhook
from backend.services.definitions.catalog import Catalogs
from backend.services.webhooks import queue
from backend.services.webhooks.calls import CallFailed, Client, Response
from backend.services.webhooks.delivery_statements import select_webhook
from backend.services.webhooks.makers import find_actor
from backend.services.webhooks.payloads import Message, make_messages
from backend.services.webhooks.queue import Outcome
from backend.services.webhooks.secrets import signed_headers
from backend.services.webhooks.targets import NotAllowed, parse_target
from backend.utils.addresses import parse_networks
from backend.utils.clock import utcnow
from backend.utils.version import VERSION

BUSY = (429, 503)  # statuses whose Retry-After is obeyed (RFC 9110, 10.2.3)
LONGEST_WAIT = timedelta(days=1)
SETTLE_SECONDS = 1  # after which outcomes are stored, and messages made anew
SECRET_LOST = "The secret cannot be decrypted, because LARDER_SECRET_KEY has changed. Create a new secret."
HEADERS = {"Content-Type": "application/json; charset=utf-8", "User-Agent": f"Larder/{VERSION}"}


class Sender:
    """Sends deliveries of webhooks, from any thread. A receiver that has asked to wait is left alone so long."""

    def __init__(self, settings: Settings, catalogs: Catalogs) -> None:
        self.client = Client(parse_networks(settings.webhook_networks))
        self._catalogs = catalogs
        self._paused_until: dict[str, datetime] = {}  # by the id of a webhook

    def send_some(self, webhook_id: str, is_stopping: Callable[[], bool] = lambda: False) -> int:
        """Make one attempt of each of some deliveries that are due; return how many. Begin no more if it is stopping.

        What came of them is stored together, at the latest a second after the first: a commit takes longer than a fast
        receiver.
        """
        number = 0
        with connected():
            webhook = self._find(webhook_id)
            if webhook is None:
                return 0
            left = queue.claim(webhook)
        try:
            while left and not is_stopping():
                with connected():
                    messages = self._messages(webhook_id, left)
                if messages is None:
                    break
                outcomes = self._attempt_some(left, messages, is_stopping)
                number += len(outcomes)
                del left[: len(outcomes)]
                with connected():
                    queue.settle(webhook, outcomes)
        finally:
            if left:
                with connected():
                    queue.release(left)
        return number

    def _find(self, webhook_id: str) -> Webhook | None:
        """Return the webhook, unless it may send nothing now."""
        found = [] if self._is_paused(webhook_id) else select_webhook().run({"id": webhook_id})
        return Webhook.of_row(found[0]) if found else None

    def _messages(self, webhook_id: str, deliveries: Sequence[Delivery]) -> list[Message | None] | None:
        """Return what make_messages returns; None if the webhook may send nothing now."""
        webhook = self._find(webhook_id)
        if webhook is None or (actor := find_actor(webhook)) is None:
            return None
        return make_messages(actor, self._catalogs.current(), webhook, deliveries)

    def _attempt_some(
        self, deliveries: Sequence[Delivery], messages: Sequence[Message | None], is_stopping: Callable[[], bool]
    ) -> list[tuple[Delivery, Outcome]]:
        """Send the first messages, until a second is over or the receiver asks to wait."""
        ends_at, outcomes = time.monotonic() + SETTLE_SECONDS, []
        for delivery, message in zip(deliveries, messages, strict=False):
            outcome = queue.DROP if message is None else self._attempt(message)
            outcomes.append((delivery, outcome))
            if outcome.wait:
                self._paused_until[str(delivery.webhook_id)] = utcnow() + outcome.wait
            if outcome.wait or time.monotonic() > ends_at or is_stopping():
                break
        return outcomes

    def _is_paused(self, webhook_id: str) -> bool:
        until = self._paused_until.get(webhook_id)
        if until is not None and until <= utcnow():
            self._paused_until.pop(webhook_id, None)
        return until is not None and until > utcnow()

    def _attempt(self, message: Message) -> Outcome:
        if message.secrets is None:
            return Outcome(0, error=SECRET_LOST)
        began = time.monotonic()
        try:
            target = parse_target(message.url, self.client.networks)
            headers = HEADERS | signed_headers(message.secrets, message.id, utcnow(), message.body)
            response = self.client.post(target, headers, message.body.encode())
        except (NotAllowed, CallFailed) as error:
            return Outcome(_milliseconds_since(began), error=str(error))
        return _outcome_of(response, _milliseconds_since(began))


def _milliseconds_since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


def _outcome_of(response: Response, milliseconds: int) -> Outcome:
    outcome = Outcome(milliseconds, response.status)
    if outcome.is_success:
        return outcome
    redirect = " Redirects are not followed." if 300 <= response.status < 400 else ""
    wait = _wait_asked_for(response.retry_after) if response.status in BUSY else None
    return outcome._replace(error=f"The receiver answered with status {response.status}.{redirect}", wait=wait)


def _wait_asked_for(retry_after: str | None) -> timedelta | None:
    """Return how long the receiver asks to wait, at most LONGEST_WAIT; None if it does not say so."""
    text = (retry_after or "").strip()
    try:
        if text.isascii() and text.isdecimal():
            wait = timedelta(seconds=min(int(text[:9]), 10**6))
        else:
            wait = parsedate_to_datetime(text).astimezone(utcnow().tzinfo) - utcnow()
    except (ValueError, OverflowError):  # such as the last hour of the year 9999, in a zone behind UTC
        return None
    return min(max(wait, timedelta()), LONGEST_WAIT)
