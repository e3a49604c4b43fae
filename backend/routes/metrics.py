"""Metrics for Prometheus: `/metrics`."""

import hmac

from flask import Blueprint, Response, abort, request

from backend.middleware.app import get_app
from backend.services.health import exposition
from backend.utils.addresses import is_loopback

FORWARDED = ("X-Forwarded-For", "Forwarded")  # what a proxy on this machine adds

blp = Blueprint("metrics", __name__)


@blp.get("/metrics")
def show_metrics() -> Response:
    """Show the metrics to callers with the token, and to callers on this machine."""
    if not (_has_token(get_app().settings.metrics_token) or _is_local()):
        abort(404)  # as if it did not exist
    return Response(exposition.render(), mimetype="text/plain", headers={"Cache-Control": "no-store"})


def _has_token(token: str | None) -> bool:
    if token is None:
        return False
    sent = request.headers.get("Authorization", "").partition(" ")[2]
    return hmac.compare_digest(sent.encode("latin-1", "replace"), token.encode())


def _is_local() -> bool:
    """Return whether the request comes from this machine, and not through a proxy on it."""
    if any(name in request.headers for name in FORWARDED):
        return False
    return is_loopback(request.remote_addr or "")
