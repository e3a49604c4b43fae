"""Pages for browsers, from the folder `static`."""

from pathlib import Path

from flask import Response

from backend.middleware.app import get_app

FOLDER = Path(__file__).parents[1] / "static"


def show_page(name: str, **texts: str) -> Response:
    """Return a page with these texts in the places of their names; they must need no escaping.

    `{base}` is the path of the public URL, with which links begin.
    """
    html = (FOLDER / name).read_text(encoding="utf-8")
    for placeholder, text in (texts | {"base": get_app().settings.public_path}).items():
        html = html.replace(f"{{{placeholder}}}", text)
    return Response(html, headers={"Cache-Control": "no-store", "Vary": "Accept"}, mimetype="text/html")
