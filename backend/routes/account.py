"""The pages that mails link to: `/account/reset`, `/account/verification`, `/account/invitation`."""

from pathlib import Path

from flask import Blueprint, Response, abort, send_from_directory

FOLDER = Path(__file__).parent / "static"
PAGES = ("reset", "verification", "invitation")

blp = Blueprint("account", __name__, url_prefix="/account")


@blp.get("/<page>")
def show_page(page):
    """Show the page, which reads the token behind the `#` of its address and calls the API with it"""
    if page not in PAGES:
        abort(404)
    page = (FOLDER / "account.html").read_text(encoding="utf-8")
    return Response(page, headers={"Cache-Control": "no-store"}, mimetype="text/html")


@blp.get("/files/<name>")
def send_file(name):
    """Send the page's style and script"""
    return send_from_directory(FOLDER, name)
