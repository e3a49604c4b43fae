"""Pages of an origin of their own: a folder, served as `python -m http.server` does, but without a log."""

from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from tests.parts.server import HOST


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without a log."""

    def log_message(self, *_):
        """Do nothing."""


@contextmanager
def served(folder):
    """Serve a folder; yield its origin, such as `http://127.0.0.1:41234`."""
    with ThreadingHTTPServer((HOST, 0), partial(QuietHandler, directory=folder)) as pages:
        thread = Thread(target=pages.serve_forever, daemon=True)
        thread.start()
        yield f"http://{HOST}:{pages.server_address[1]}"
        pages.shutdown()
        thread.join()
