"""The database time and the number of statements of the current request, and its slow list."""

import threading


class Meter(threading.local):
    """Counts seconds and statements for the request of this thread; `request_id` is None outside of requests.

    `slow_list` is what a list asked for that had slow statements, in texts; an empty tuple without one.
    """

    seconds = 0.0
    statements = 0
    slow_statements = 0
    slow_list: tuple[str, ...] = ()
    request_id: str | None = None

    def begin(self, request_id: str | None) -> None:
        """Start from zero for the next request."""
        self.seconds, self.statements, self.request_id = 0.0, 0, request_id
        self.slow_statements, self.slow_list = 0, ()


meter = Meter()
