"""A connection, from its first byte to its last."""

import time

from waitress.channel import HTTPChannel

from backend.middleware.connections.parser import Parser
from backend.middleware.connections.tasks import JsonErrorTask, Task


class Channel(HTTPChannel):
    """A connection whose refusals have the one shape, and that can hold back what it has to send."""

    parser_class = Parser
    task_class = Task
    error_task_class = JsonErrorTask
    held_until = 0.0

    def writable(self):
        """Tell whether there is something to send, and the time for it; waitress asks at least once a second."""
        return time.monotonic() >= self.held_until and super().writable()

    def _flush_some(self, do_close=True):
        return time.monotonic() >= self.held_until and super()._flush_some(do_close)
