"""The security requirements and schemes of the OpenAPI document."""

from typing import Any

SIGN_IN: list[dict[str, list[str]]] = [{"bearer": []}, {"cookie": []}]
OPTIONAL_SIGN_IN: list[dict[str, list[str]]] = [{}, *SIGN_IN]
NO_SIGN_IN: list[dict[str, list[str]]] = []

BEARER = {"type": "http", "scheme": "bearer", "description": "An access token, or an API key"}


def cookie_scheme(name: str) -> dict[str, Any]:
    """Return the security scheme of the cookie with this name."""
    return {
        "type": "apiKey",
        "in": "cookie",
        "name": name,
        "description": "A sign-in with `cookies`; requests that may change something must repeat the cookie "
        "`csrf_access_token` in the header `X-CSRF-TOKEN`",
    }
