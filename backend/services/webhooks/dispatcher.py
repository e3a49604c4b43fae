"""Runs the webhooks in the background: one thread looks for what is due, and others send it."""

import threading
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor

import structlog

from backend.config.settings import Settings
from backend.models.database import DATABASE_ERRORS, connected
from backend.services.definitions.catalog import Catalogs
from backend.services.errors import LarderError
from backend.services.operation.error_tracking import error_tracking
from backend.services.webhooks import queue
from backend.services.webhooks.fan_out import FanOut
from backend.services.webhooks.sender import Sender

POLL_SECONDS = 0.2  # between two looks at the feed and at what is due
REST_SECONDS = 5  # after a failure, mostly of the database
QUIET_SECONDS = 1  # without a thread for a webhook whose deliveries must wait for an earlier one, or for the receiver
# Enough for all webhooks: a slow receiver takes the threads of its own webhook, and no others.
MAX_THREADS = 250

log = structlog.get_logger()


class Dispatcher:
    """The threads that send webhooks, in the process that runs the jobs. Several processes may do so at once."""

    def __init__(self, settings: Settings, catalogs: Catalogs) -> None:
        self._fan_out, self._sender = FanOut(catalogs), Sender(settings, catalogs)
        self._stopping = threading.Event()
        self._running: Counter[str] = Counter()  # threads, by the id of a webhook
        self._quiet_until: dict[str, float] = {}  # readings of time.monotonic(), by the id of a webhook
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="webhook")
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """Begin no further attempt, and wait for those that have begun: a few seconds, as a call is limited."""
        self._stopping.set()
        self._thread.join()
        self._pool.shutdown()

    def _run(self) -> None:
        rest_seconds: float = 0
        while not self._stopping.wait(rest_seconds or POLL_SECONDS):
            try:
                self._look()
                rest_seconds = 0
            except (*DATABASE_ERRORS, LarderError) as error:
                rest_seconds = REST_SECONDS
                log.warning("webhooks wait for the database", reason=type(error).__name__)
            except Exception as error:  # noqa: BLE001  # it is reported, and must not end all webhooks
                rest_seconds = REST_SECONDS
                _report(error)

    def _look(self) -> None:
        """Make deliveries of new changes, and start a thread for each webhook that has something to send."""
        with connected():
            self._fan_out.run()
            due = queue.due_webhooks()
        for webhook_id, has_test in due.items():
            if self._may_start(webhook_id, queue.THREADS + has_test):  # others may wait for the receiver for minutes
                self._pool.submit(self._send, webhook_id, has_test).add_done_callback(_report_failed)

    def _may_start(self, webhook_id: str, most: int) -> bool:
        """Return whether a webhook gets one more thread, at most so many, and count it."""
        with self._lock:
            is_quiet = self._quiet_until.get(webhook_id, 0) > time.monotonic()
            may_start = not is_quiet and self._running[webhook_id] < most
            self._running[webhook_id] += may_start
            return may_start

    def _send(self, webhook_id: str, is_for_test: bool) -> None:
        """Send what a webhook has to send now; a thread for a test sends that alone."""
        sent = 0
        try:
            while not self._stopping.is_set() and (number := self._sender.send_some(webhook_id, self._stopping.is_set)):
                sent += number
                if is_for_test:
                    break
        except (*DATABASE_ERRORS, LarderError) as error:  # what was claimed is due again after some minutes
            log.warning("webhook not sent", webhook=webhook_id, reason=type(error).__name__)
        finally:
            with self._lock:
                self._running[webhook_id] -= 1
                if not sent:
                    self._quiet_until[webhook_id] = time.monotonic() + QUIET_SECONDS


def _report_failed(sent: "Future[None]") -> None:
    if (error := sent.exception()) is not None:
        _report(error)


def _report(error: BaseException) -> None:
    """Report an error that nobody has expected."""
    log.error("webhook failed", exc_info=error)
    error_tracking.report(error)
