"""What a response with a file says of its name and type, whatever the client who uploaded it has sent."""

import re
from dataclasses import replace
from urllib.parse import quote, unquote

from backend import create_app
from tests.conftest import ON_SQLITE, Person
from tests.helpers import OPEN
from tests.parts.downloads import PNG, attached, fetch
from tests.parts.images import animation, picture

# Name: (the one in ASCII, the one in UTF-8).
NAMES = {
    "a.png": ("a.png", "a.png"),
    "../../etc/passwd": ("passwd", "passwd"),
    "C:\\temp\\x.png": ("x.png", "x.png"),
    "a\r\nSet-Cookie: x=1": ("aSet-Cookie_ x_1", "aSet-Cookie: x=1"),
    'a"; filename="b.exe': ("a__ filename__b.exe", 'a"; filename="b.exe'),
    "a'b%41;c\\": None,
    "photo\u202egnp.exe": ("photognp.exe", "photognp.exe"),
    "\u00fcber \u20ac.txt": ("uber .txt", "\u00fcber \u20ac.txt"),
    "\u65e5\u672c.txt": (".txt", "\u65e5\u672c.txt"),
    "\U0001f600": ("file", "\U0001f600"),
    "x" * 500 + ".png": ("x" * 251 + ".png", "x" * 251 + ".png"),
    "\u2028\u2029": ("file", "file"),
    "CON": ("CON", "CON"),
}
HEADER = re.compile(r"inline; filename=\"([A-Za-z0-9 ._()-]+)\"; filename\*=UTF-8''([A-Za-z0-9%._~-]+)")
HTML = b"<!doctype html><script>1</script>"
# Declared type and bytes: (the type that is sent, whether a browser shows it).
TYPES = {
    ("image/png", PNG): ("image/png", True),
    ("text/html", PNG): ("image/png", True),
    ("image/jpeg", picture("JPEG")): ("image/jpeg", True),
    ("image/gif", animation("GIF")): ("image/gif", True),
    ("image/webp", picture("WEBP")): ("image/webp", True),
    ("image/avif", picture("AVIF")): ("image/avif", True),
    ("video/mp4", b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + bytes(50)): ("video/mp4", True),
    ("audio/mpeg", b"ID3\3\0\0\0\0\0\0" + b"\xff\xfb\x90\x64" + bytes(500)): ("audio/mpeg", True),
    ("image/bmp", picture("BMP")): ("image/bmp", False),
    ("image/png", HTML): ("text/html", False),
    ("image/png", b'<svg xmlns="http://www.w3.org/2000/svg" onload="1"/>'): ("image/svg+xml", False),
    ("text/javascript", b"alert(1)"): ("application/octet-stream", False),
    ("application/x-javascript", b"alert(1)"): ("application/octet-stream", False),
    ("text/ecmascript", b"alert(1)"): None,
    ("text/css", b"a { color: red }"): ("application/octet-stream", False),
    ("application/pdf", b"%PDF-1.4\n%%EOF"): ("application/pdf", False),
    ("text/plain", b"a text"): ("text/plain", False),
    ("text/x; a=b\r\nX-A: b", b"a text"): None,
    ("multipart/x-mixed-replace", b"--a"): None,
}
SCRIPTS = re.compile("script|css|html|svg|xml")


@ON_SQLITE
def test_the_name_cannot_change_the_response(admin, alice):
    admin.declare("places", {"photo": {"type": "file"}}, access=OPEN)
    for name, expected in NAMES.items():
        answer = fetch(alice, attached(alice, PNG, name))
        header = answer.headers["Content-Disposition"]
        match = HEADER.fullmatch(header)
        assert match, header
        if expected:
            assert (match[1], unquote(match[2])) == expected
            assert match[2] == quote(expected[1], safe="")
        assert "Set-Cookie" not in answer.headers


@ON_SQLITE
def test_browsers_show_few_types_and_load_no_code(admin, alice):
    admin.declare("places", {"photo": {"type": "file"}}, access=OPEN)
    for (declared, content), expected in TYPES.items():
        declared = declared.replace("\r\n", "")
        answer = fetch(alice, attached(alice, content, "a", declared))
        kind, is_shown = answer.headers["Content-Type"], answer.headers["Content-Disposition"].startswith("inline")
        if expected:
            assert (declared, kind, is_shown) == (declared, *expected)
        assert not (is_shown and SCRIPTS.search(kind))
        assert not re.search("javascript|ecmascript|css|multipart", kind)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert "script-src" not in answer.headers["Content-Security-Policy"]
        assert answer.data == content


@ON_SQLITE
def test_a_pdf_is_shown_if_the_setting_says_so(admin, alice, settings):
    admin.declare("places", {"photo": {"type": "file"}}, access=OPEN)
    path = attached(alice, b"%PDF-1.4\n%%EOF", "a.pdf")
    assert fetch(alice, path).headers["Content-Disposition"].startswith("attachment")
    shown = fetch(Person(create_app(replace(settings, files_inline_pdf=True)), "alice"), path)
    assert shown.headers["Content-Disposition"].startswith("inline")
    assert "default-src 'none'" in shown.headers["Content-Security-Policy"]
