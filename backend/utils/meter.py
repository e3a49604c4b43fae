"""The time and the statements that a thread has used of the database since its request began."""

import threading


class Meter(threading.local):
    """Counts for the request that this thread works on; `request_id` is None outside of requests."""

    seconds = 0.0
    statements = 0
    request_id: str | None = None

    def begin(self, request_id: str | None) -> None:
        """Count from zero for the next request."""
        self.seconds, self.statements, self.request_id = 0.0, 0, request_id


meter = Meter()
