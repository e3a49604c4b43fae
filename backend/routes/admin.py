"""The admin page at `/admin/`, and the pages below `/account/` that mails link to.

All of them are one page of ES modules, which call the API as any other client does. Its modules find out by the URL
what to show.
"""

import hashlib
from functools import cache

from flask import Blueprint, Response, abort, redirect, request, send_from_directory
from markupsafe import Markup
from werkzeug.wrappers import Response as WerkzeugResponse

from backend.middleware.app import get_app
from backend.middleware.paths import ACCOUNT_PATH, ADMIN_PATH, ASSETS_PATH
from backend.routes.toolkit.page_modules import MODULES, modules_of
from backend.routes.toolkit.pages import show_page
from backend.services.accounts import mail_server

MAIL_PAGES = ("reset", "verification", "invitation")
FOREVER = "public, max-age=31536000, immutable"

blp = Blueprint("admin", __name__)


@blp.get(ADMIN_PATH)
@blp.get(f"{ADMIN_PATH}<path:path>")
def show_admin_page(path: str = "") -> Response:
    """Return the page, which is the same at every path"""
    if not get_app().settings.admin:
        abort(404)
    return _show()


@blp.get(ADMIN_PATH.rstrip("/"))
def lead_to_admin_page() -> WerkzeugResponse:
    """Redirect to the page, whose path ends with a slash"""
    if not get_app().settings.admin:
        abort(404)
    return redirect(ADMIN_PATH)


@blp.get(f"{ACCOUNT_PATH}<name>")
def show_mail_page(name: str) -> Response:
    """Return the page that a mail links to: its script sends the token after the `#` of the URL to the API"""
    if name not in MAIL_PAGES:
        abort(404)
    return _show()


@blp.get(f"{ASSETS_PATH}<version>/<path:path>")
def send_module(version: str, path: str) -> Response:
    """Return a module or the style sheet. A browser keeps it, because another version has another URL"""
    response = send_from_directory(MODULES, path)
    response.headers["Cache-Control"] = FOREVER if version == files_version() else "no-cache"
    return response


def _show() -> Response:
    settings = get_app().settings
    files = f"{settings.public_path}{ASSETS_PATH}{files_version()}"
    # A browser that knows all modules at once does not find them step by step.
    preloads = "\n".join(f'<link rel="modulepreload" href="{files}/{name}">' for name in modules_of(request.path))
    return show_page(
        "admin/index.html",
        files=files,
        preloads=Markup(preloads),  # noqa: S704  # only names of our files
        name=settings.app_title,
        app_url=settings.app_url or "",
        admin="on" if settings.admin else "off",
        mails="logged" if mail_server.is_log(settings) else "sent",
    )


@cache
def files_version() -> str:
    """Return a short hash of all files of the page."""
    digest = hashlib.sha256()
    for path in sorted(MODULES.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(MODULES).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]
