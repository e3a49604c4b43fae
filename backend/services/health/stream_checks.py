"""The check of `flask doctor` for streams of changes: whether a process serves those that clients ask for."""

import time

from backend.config.settings import Settings
from backend.services.health.check import OK, WARNING, Check
from backend.services.operation.metrics import metrics
from backend.services.operation.minutes import read_minutes
from backend.utils.api_path import STREAM_PATH

RECENT_MINUTES = 10
PROXY_SECONDS = 10  # until a proxy sends requests to a process again that was down; twice what deploy/ sets
START_ONE = "Run `systemctl enable --now larder-streams`, or set LARDER_STREAMS; see docs/operating.md."
ROUTE_THEM = (
    f"The proxy must send {STREAM_PATH} to the process with LARDER_STREAMS. "
    "If all its streams were in use, raise LARDER_STREAMS."
)


def check_streams(settings: Settings) -> Check:
    """Look for streams that clients asked for and did not get. It knows only the processes of this machine."""
    load, refused = metrics.process.total_load(), _recently_refused(settings, metrics.process.streams_since())
    requests = f"{refused} {'request' if refused == 1 else 'requests'} for streams of changes got a 503"
    since = f"in the last {RECENT_MINUTES} minutes"
    if not load.stream_places:
        if refused:
            return Check("streams", WARNING, f"{requests} {since}: no process on this machine serves them.", START_ONE)
        return Check("streams", OK, f"No process serves streams of changes, and no client asked for one {since}.")
    open_of_all = f"{load.streams} of {load.stream_places} are open"
    if load.streams >= load.stream_places:
        return Check("streams", WARNING, f"All streams of changes are in use: {open_of_all}.", "Raise LARDER_STREAMS.")
    if refused:
        return Check("streams", WARNING, f"{requests} {since}, although only {open_of_all}.", ROUTE_THEM)
    return Check("streams", OK, f"{load.streams} of {load.stream_places} streams of changes are open.")


def _recently_refused(settings: Settings, since: float | None) -> int:
    """Return how many requests for streams got a 503 in the last minutes, and after the minute of `since`."""
    # Not written by this process before: a command that root runs must not leave files that Larder cannot write.
    by_minute, oldest = read_minutes(settings.data_dir / "metrics").requests, time.time() // 60 - RECENT_MINUTES
    if since is not None:
        oldest = max(oldest, (since + PROXY_SECONDS) // 60)
    return sum(
        requests.number
        for minute, kinds in by_minute.items()
        for kind, requests in kinds.items()
        if minute > oldest and (kind.route, kind.status) == (STREAM_PATH, 503)
    )
