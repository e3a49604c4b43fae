"""Recognizes files that are not CSV or NDJSON by their first bytes, to give advice."""

HEAD_BYTES = 4096  # enough to see the first file names in a ZIP archive, which identify a workbook

SIGNATURES = {
    b"\xd0\xcf\x11\xe0": "an old Excel workbook (.xls)",
    b"\x1f\x8b": "a gzip file",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ\x00": "an xz file",
    b"\x28\xb5\x2f\xfd": "a Zstandard file",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"%PDF-": "a PDF document",
    b"{\\rtf": "an RTF document",
    b"SQLite format 3\x00": "an SQLite database",
    b"PAR1": "a Parquet file",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"GIF8": "an image",
}
ZIPPED = {
    b"opendocument.spreadsheet": "an OpenDocument spreadsheet (.ods)",
    b"xl/": "an Excel workbook (.xlsx)",
    b"[Content_Types].xml": "an Excel workbook (.xlsx)",
    b"word/": "a Word document (.docx)",
}
PACKED = ("gzip", "bzip2", "xz", "Zstandard", "ZIP", "RAR", "7-Zip")

_NAMES = {"csv": "CSV", "ndjson": "NDJSON"}


def binary_problem(head: bytes, form: str) -> str | None:
    """Return why a file with these first bytes is no text, and what to do; None if it may be `form`, such as `csv`."""
    if not (kind := _binary_kind(head)):
        return None
    advice = "Unpack it first." if kind.split()[1] in PACKED else "Save it as CSV in UTF-8."
    return f"The file is {kind}, not {_NAMES[form]}. {advice}"


def text_problem(head: bytes, form: str) -> str | None:
    """Return why a text with these first bytes in UTF-8 is not `csv` or `ndjson`, and what to do; None if it may be."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"<"):
        kind = "an HTML page" if b"<html" in text.lower() or b"<!doctype" in text.lower() else "HTML or XML"
        return f"The file is {kind}, not {_NAMES[form]}. Was an error page or a web page saved in its place?"
    return _wrong_text_format(text, form)


def _binary_kind(head: bytes) -> str | None:
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return next((kind for sign, kind in ZIPPED.items() if sign in head), "a ZIP archive")
    return next((kind for sign, kind in SIGNATURES.items() if head.startswith(sign)), None)


def _wrong_text_format(text: bytes, form: str) -> str | None:
    """Return a message if a text file is in a different format than expected: JSON, NDJSON, or CSV."""
    first = text.splitlines()[0] if text else b""
    if text.startswith(b"["):
        return "The file is a JSON array. NDJSON has one object on each line, without brackets and commas around them."
    if form == "csv" and text.startswith(b"{"):
        return "The file is JSON, not CSV. Send it as application/x-ndjson, or give it a name that ends in .ndjson."
    is_separated = b"," in first or b";" in first or b"\t" in first
    if form == "ndjson" and text and not text.startswith(b"{") and is_separated:
        return "The file looks like CSV, not NDJSON. Send it as text/csv, or give it a name that ends in .csv."
    return None
