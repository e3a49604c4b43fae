"""Uploaded files that somebody made to do harm: a browser runs nothing of them, and saves them under clean names."""

import contextlib
import re

import pytest
from playwright.sync_api import Error, expect

from tests.conftest import ON_SQLITE
from tests.helpers import OPEN
from tests.parts.downloads import PNG, attached
from tests.parts.images import picture

RUN = "try { top.ran = true } catch {} ; window.ran = true; alert(1);"
PDF = b"%PDF-1.4\n1 0 obj <</Type /Catalog /OpenAction <</S /JavaScript /JS (app.alert(1))>> >> endobj\n%%EOF"
SOUND = b"ID3\3\0\0\0\0\0\0" + (b"\xff\xfb\x90\x64" + bytes(413)) * 100  # silence
# Name: (the bytes, the type that is declared).
FILES = {
    "a.svg": (f'<svg xmlns="http://www.w3.org/2000/svg" onload="{RUN}"><script>{RUN}</script></svg>', "image/svg+xml"),
    "b.svg": (f'<!-- --><svg xmlns="http://www.w3.org/2000/svg" onload="{RUN}"></svg>', "image/png"),
    "a.html": (f"<!doctype html><script>{RUN}</script>", "text/html"),
    "b.html": (f"<!doctype html><script>{RUN}</script>", "image/jpeg"),
    "c.html": (f"<b>no page<script>{RUN}</script>", "image/gif"),
    "a.js": (RUN, "text/javascript"),
    "b.js": (f"/*{'x' * 600}*/{RUN}", "application/javascript"),
    "a.css": ("body { background: url(javascript:alert(1)) } * { color: rgb(1, 2, 3) !important }", "text/css"),
    "a.xml": ('<?xml version="1.0"?><?xml-stylesheet href="a.xsl"?><a/>', "text/xml"),
    "a.xhtml": (f'<html xmlns="http://www.w3.org/1999/xhtml"><script>{RUN}</script></html>', "application/xhtml+xml"),
    "a.pdf": (PDF, "application/pdf"),
    "a.gif": (f"GIF89a=1;{RUN}//", "image/gif"),
    "b.gif": (picture("GIF") + f"<script>{RUN}</script>".encode(), "image/gif"),
    "a.png": (PNG + f"<script>{RUN}</script>".encode(), "text/html"),
}
SHOWN = ("a.gif", "b.gif", "a.png")
TAGS = (
    '<img src="{0}"><iframe src="{0}"></iframe><object data="{0}"></object><embed src="{0}">'
    '<script src="{0}"></script><script type="module" src="{0}"></script><link rel="stylesheet" href="{0}">'
    '<video src="{0}"></video><iframe sandbox="allow-scripts" src="{0}"></iframe>'
)
NAMES = {
    "../../etc/passwd.txt": "passwd.txt",
    "..\\..\\windows\\win.txt": "win.txt",
    "a\r\nSet-Cookie: x=1\r\n\r\n<b>.txt": None,
    'a".txt; filename="b.exe': None,
    "photo\u202egnp.exe": "photognp.exe",
    "é\u2066\u00a0ü.txt": None,
    "%2e%2e%2fx.txt": None,
    "x" * 500 + ".txt": "x" * 251 + ".txt",
}


@pytest.fixture
def url_of(admin, alice, address):
    """A function that uploads a file to a public field, and returns its URL."""
    admin.declare("places", {"photo": {"type": "file", "public": True}}, access=OPEN)

    def upload_to_it(content, name, kind="application/octet-stream"):
        content = content.encode() if isinstance(content, str) else content
        return f"http://{address}/api/v1{attached(alice, content, name, kind)}"

    return upload_to_it


@pytest.fixture
def dialogs(page):
    """The texts of dialogs that the page has opened."""
    found = []
    page.on("dialog", lambda dialog: (found.append(dialog.message), dialog.dismiss()))
    return found


@ON_SQLITE
def test_nothing_of_a_file_runs(url_of, page, console, dialogs, other_origin, tmp_path):
    urls = {name: url_of(content, name, kind) for name, (content, kind) in FILES.items()}
    for name, url in urls.items():
        if name in SHOWN:
            page.goto(url)
            assert page.evaluate("[window.ran, document.contentType.split('/')[0]]") == [None, "image"]
        else:
            saved = download_of(page, url)
            assert saved.suggested_filename == name
    tags = "".join(map(TAGS.format, urls.values()))
    (tmp_path / "other" / "all.html").write_text(f'<!doctype html><link rel="icon" href="data:,"><body>{tags}')
    page.goto(f"{other_origin}/all.html", wait_until="networkidle")
    assert page.evaluate("[window.ran, getComputedStyle(document.body).color]") == [None, "rgb(0, 0, 0)"]
    assert dialogs == []
    console.clear()  # the browser reports each tag whose file it refuses


def download_of(page, url):
    """Open a URL that the browser saves; return the download."""
    with page.expect_download() as saved, contextlib.suppress(Error):  # opening it is no navigation
        page.goto(url)
    return saved.value


@ON_SQLITE
def test_files_are_saved_under_clean_names(url_of, page, console):
    for name, clean in NAMES.items():
        saved = download_of(page, url_of("a text", name)).suggested_filename
        assert not re.search(r"[/\\\r\n\x00-\x1f\u202e\u2066]", saved), saved
        assert saved.endswith((".txt", ".exe"))
        if clean is not None:
            assert saved == clean
    console.clear()


@ON_SQLITE
def test_a_picture_is_seen_in_a_page_of_another_site_and_alone(url_of, page, other_origin, tmp_path):
    url = url_of(PNG, "a.png")
    (tmp_path / "other" / "page.html").write_text(f'<!doctype html><link rel="icon" href="data:,"><img src="{url}">')
    page.goto(f"{other_origin}/page.html")
    expect(page.locator("img")).to_have_js_property("naturalWidth", 400)
    page.goto(url)
    expect(page.locator("img")).to_have_js_property("naturalWidth", 400)


@ON_SQLITE
def test_a_sound_is_played(url_of, page):
    page.goto(url_of(SOUND, "a.mp3"))
    expect(page.locator("video")).to_have_js_property("readyState", 4)
