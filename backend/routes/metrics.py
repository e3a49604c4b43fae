"""Metrics for Prometheus: `/metrics`."""

import hmac
from ipaddress import ip_address

from flask import Blueprint, Response, abort, request

from backend.middleware.build import current_build
from backend.services.health import exposition

blp = Blueprint("metrics", __name__)

FORWARDED = ("X-Forwarded-For", "Forwarded")


@blp.get("/metrics")
def show_metrics():
    """Tell what was counted, to who has the token or asks from this machine."""
    if not (_has_token(current_build().settings.metrics_token) or _is_local()):
        abort(404)  # as if it were not there
    return Response(exposition.render(), mimetype="text/plain", headers={"Cache-Control": "no-store"})


def _has_token(token):
    given = request.headers.get("Authorization", "").partition(" ")[2]
    return token is not None and hmac.compare_digest(given.encode("latin-1", "replace"), token.encode())


def _is_local():
    """Tell whether the request comes from this machine, and not by a proxy on it."""
    try:
        return ip_address(request.remote_addr or "").is_loopback and not any(
            name in request.headers for name in FORWARDED
        )
    except ValueError:
        return False
