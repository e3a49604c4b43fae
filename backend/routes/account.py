"""The pages that mails link to: `/account/reset`, `/account/verification`, `/account/invitation`."""

from pathlib import Path

from flask import Blueprint, Response, abort, send_from_directory

FOLDER = Path(__file__).parent / "static"
PAGES = ("reset", "verification", "invitation")
HEADERS = {
    # Only our own script, which talks to our own API; the token in the address goes nowhere else.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

blp = Blueprint("account", __name__, url_prefix="/account")


@blp.get("/<page>")
def show_page(page):
    """Show the page, which reads the token behind the `#` of its address and calls the API with it"""
    if page not in PAGES:
        abort(404)
    return Response((FOLDER / "account.html").read_text(encoding="utf-8"), headers=HEADERS, mimetype="text/html")


@blp.get("/files/<name>")
def send_file(name):
    """Send the page's style and script"""
    return send_from_directory(FOLDER, name)
