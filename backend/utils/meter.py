"""The database time and the number of statements of the current request."""

import threading


class Meter(threading.local):
    """Counts seconds and statements for the request of this thread; `request_id` is None outside of requests."""

    seconds = 0.0
    statements = 0
    request_id: str | None = None

    def begin(self, request_id: str | None) -> None:
        """Start from zero for the next request."""
        self.seconds, self.statements, self.request_id = 0.0, 0, request_id


meter = Meter()
