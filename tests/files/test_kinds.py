"""What the bytes of a file are, whatever is declared."""

import struct
import zipfile
from io import BytesIO

import pytest

from backend.services.files.kinds import detect_type

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0"
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
SCRIPT = b"<script>alert(1)</script>"
OCTETS, PLAIN, HTML, XML = "application/octet-stream", "text/plain", "text/html", "application/xml"
SVG = "image/svg+xml"
OFFICE = "application/vnd.openxmlformats-officedocument."
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600
MP3_FRAME = b"\xff\xfb\x90\x00" + b"\0" * 413


def kind(content, declared="", name="file"):
    return detect_type(BytesIO(content), declared, name)


def archive(*names, first=None, comment=b""):
    """Return a zip archive; `first` is the content of a file `mimetype` at its beginning."""
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        if first is not None:
            file.writestr("mimetype", first)
        for name in names:
            file.writestr(name, "content", zipfile.ZIP_DEFLATED)
        file.comment = comment
    return content.getvalue()


CASES = [
    ("image/png", PNG),
    ("image/jpeg", JPEG),
    ("image/gif", b"GIF89a\x01\0\x01\0"),
    ("image/webp", b"RIFF\x24\0\0\0WEBPVP8 "),
    ("image/avif", b"\0\0\0\x20ftypavif\0\0\0\0"),
    ("image/heic", b"\0\0\0\x20ftypheic\0\0\0\0"),
    ("image/bmp", b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0"),
    ("image/tiff", b"II*\0\x08\0\0\0"),
    ("video/mp4", b"\0\0\0\x20ftypisom\0\0\2\0"),
    ("video/quicktime", b"\0\0\0\x14ftypqt  \0\0\0\0"),
    ("video/webm", b"\x1aE\xdf\xa3\x9fB\x86\x81\1B\xf7\x81\1B\xf2\x81\4B\xf3\x81\x08B\x82\x84webm"),
    ("audio/mpeg", MP3_FRAME * 2),
    ("audio/mpeg", b"ID3\x04\0\0\0\0\0\x0a" + MP3_FRAME),
    ("audio/wav", b"RIFF\x24\0\0\0WAVEfmt "),
    ("application/pdf", PDF),
    ("application/gzip", b"\x1f\x8b\x08\0\0\0\0\0"),
    ("application/zip", archive("a.txt")),
    ("application/zip", archive("word/document.xml")),
    ("application/rtf", rb"{\rtf1\ansi hello}"),
    ("font/woff2", b"wOF2\0\1\0\0"),
    (f"{OFFICE}wordprocessingml.document", archive("_rels/.rels", "word/document.xml", "[Content_Types].xml")),
    (f"{OFFICE}spreadsheetml.sheet", archive("[Content_Types].xml", "xl/workbook.xml", comment=b"of ours")),
    (f"{OFFICE}presentationml.presentation", archive("[Content_Types].xml", "ppt/presentation.xml")),
    ("application/epub+zip", archive("a", first="application/epub+zip")),
    ("application/vnd.oasis.opendocument.text", archive("a", first="application/vnd.oasis.opendocument.text")),
    ("application/zip", archive("a", first="text/html")),
    ("application/zip", archive("a", first="application/javascript")),
    ("application/x-ole-storage", OLE),
    # Polyglots are what they begin with.
    ("image/gif", b"GIF89a/*" + SCRIPT + b"*/=1;alert(1)"),
    ("image/jpeg", JPEG + PDF),
    ("image/png", PNG + archive("[Content_Types].xml", "word/document.xml")),
    ("application/pdf", PDF + archive("a.txt")),
    # Markup, wherever it begins, in whatever case.
    (SVG, b"<svg onload=alert(1)>"),
    (SVG, b'\xef\xbb\xbf <?xml version="1.0"?>\n<!-- a <b> -->\n<!DOCTYPE svg PUBLIC "-//W3C" "x>y">\n<SVG>'),
    (SVG, b"<!DOCTYPE svg [<!ENTITY a \"]>\">]><s:svg xmlns:s='http://www.w3.org/2000/svg'/>"),
    (SVG, b"<!DOCTYPE svg [ <!-- it's a comment --> ]><svg/>"),
    (SVG, "<?xml version='1.0' encoding='UTF-16'?><svg/>".encode("utf-16")),
    (HTML, b"\n\t <!DOCTYPE html><title>x</title>"),
    (HTML, b"<!-- a comment --><HTML>"),
    (HTML, SCRIPT),
    (HTML, b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml">'),
    (HTML, b"<img src=x onerror=alert(1)>"),
    (XML, b'<?xml version="1.0"?><note/>'),
    (XML, b"<rss version='2.0'>"),
    # Other texts.
    (PLAIN, b"hello"),
    (PLAIN, "Grüße".encode()),
    (PLAIN, "Grüße".encode("utf-16")),
    (PLAIN, b"BM is a firm, and so is MZ"),
    (PLAIN, b"5 < 6 and <3"),
    ("application/json", b' {"a": [1]}'),
    (PLAIN, b"{not json}"),
    (PLAIN, b"[" * 100_000),
    (PLAIN, b"<!doctype" + b"[\"'" * 20_000),
    (PLAIN, b"<!--" * 20_000),
    # Neither text nor known.
    (OCTETS, "Grüße".encode("latin-1")),
    (OCTETS, b"hello\0world"),
    (OCTETS, b"\0"),
    (OCTETS, bytes(range(256))),
    (OCTETS, b"\xff\xfb"),
    (OCTETS, b"a" * 70_000 + b"\xff"),
]


def test_the_bytes_say_what_a_file_is():
    for expected, content in CASES:
        assert kind(content) == expected, content[:60]
        for declared in ("image/png", "text/html", "application/pdf", "no type; charset=x"):
            assert kind(content, declared, "picture.png") == expected, (declared, content[:60])


@pytest.mark.parametrize(
    ("expected", "declared", "name"),
    [
        ("text/csv", "text/csv; charset=utf-8", "file"),
        ("text/csv", "TEXT/CSV", "file"),
        ("text/csv", "", "data.csv"),
        ("text/csv", "application/x-www-form-urlencoded", "data.CSV"),
        ("text/markdown", "application/octet-stream", "README.md"),
        ("text/plain", "text/plain", "data.csv"),
        ("application/yaml", "application/yaml", "file"),
        ("application/geo+json", "application/geo+json", "file"),
        ("text/plain", "text/html", "page.html"),
        ("text/plain", "", "page.html"),
        ("text/plain", "image/svg+xml", "a.svg"),
        ("text/plain", "text/xml", "a.xml"),
        ("text/plain", "application/pdf", "a.pdf"),
        ("text/plain", "text/", "a"),
    ],
)
def test_a_text_is_what_is_declared_or_what_its_name_says(expected, declared, name):
    assert kind(b"one,two\n", declared, name) == expected


def test_documents_of_old_office_programs_are_what_is_declared():
    assert kind(OLE, "application/msword") == "application/msword"
    assert kind(OLE, "", "table.xls") == "application/vnd.ms-excel"
    assert kind(OLE, "application/vnd.ms-htmlhelp") == "application/x-ole-storage"


def test_directories_of_archives_that_lie_cost_nothing():
    whole = archive("[Content_Types].xml", *(f"a{number}" for number in range(25_000)), "word/document.xml")
    assert kind(whole) == "application/zip"  # its directory is larger than that of a document
    end = whole.rindex(b"PK\5\6")
    for size in (0, 1, 2**31, 2**32 - 1):
        assert kind(whole[: end + 12] + struct.pack("<L", size) + whole[end + 16 :]) == "application/zip"
    assert kind(whole[:end] + b"PK\5\6") == "application/zip"


@pytest.mark.parametrize("length", range(12))
def test_the_beginnings_of_files_are_no_errors(length):
    for content in (PNG, JPEG, PDF, OLE, archive("a"), MP3_FRAME, b"\0\0\0\x20ftypavif", b"RIFF\x24\0\0\0WEBP"):
        assert "/" in kind(content[:length])
