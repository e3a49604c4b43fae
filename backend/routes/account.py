"""The pages that mails link to: `/account/reset`, `/account/verification`, `/account/invitation`."""

from pathlib import Path

from flask import Blueprint, Response, abort, render_template, send_from_directory

from backend.middleware.app import get_app

FOLDER = Path(__file__).parent / "static"
PAGES = ("reset", "verification", "invitation")

blp = Blueprint("account", __name__, url_prefix="/account", template_folder="static")


@blp.get("/<page>")
def show_page(page: str) -> Response:
    """Return the page. Its script sends the token, which is after the `#` of the URL, to the API"""
    if page not in PAGES:
        abort(404)
    settings = get_app().settings
    html = render_template("account.html", app_name=settings.app_title, app_url=settings.app_url)
    return Response(html, headers={"Cache-Control": "no-store"}, mimetype="text/html")


@blp.get("/files/<name>")
def send_file(name: str) -> Response:
    """Return the style sheet or the script of the page"""
    return send_from_directory(FOLDER, name)
