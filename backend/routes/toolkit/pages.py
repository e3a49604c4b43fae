"""Pages for browsers, from the folder `static`."""

from pathlib import Path

from flask import Response
from markupsafe import escape

from backend.middleware.app import get_app

FOLDER = Path(__file__).parents[1] / "static"


def show_page(file: str, **texts: str) -> Response:
    """Return a page with these texts, escaped, in the places of their names.

    `{base}` is the path of the public URL, with which links begin.
    """
    html = (FOLDER / file).read_text(encoding="utf-8")
    for placeholder, text in (texts | {"base": get_app().settings.public_path}).items():
        html = html.replace(f"{{{placeholder}}}", escape(text))
    return Response(html, headers={"Cache-Control": "no-store"}, mimetype="text/html")
