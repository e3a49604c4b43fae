"""What browsers and proxies may keep of an answer."""

from flask import request

from backend.middleware.envelope import API


def init_app(app):
    """Keep each answer of the API to the one who asked."""

    @app.after_request
    def limit_caching(response):
        if request.path.startswith(API):
            headers = response.headers
            # An ETag is worth asking about again; whatever has none may hold tokens or change at any moment.
            headers["Cache-Control"] = "private, no-cache" if "ETag" in headers else "no-store"
            headers["Vary"] = "Authorization, Cookie"
        return response
