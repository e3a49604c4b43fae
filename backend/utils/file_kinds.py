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
SEPARATORS = {b";": "semicolons", b"\t": "tabs", b"|": "vertical bars"}
PACKED = ("gzip", "bzip2", "xz", "Zstandard", "ZIP", "RAR", "7-Zip")
WIDE = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}


def file_problem(head: bytes, form: str) -> str | None:
    """Return why a file with these first bytes is not `csv` or `ndjson`, and what to do; None if it may be.

    `form` is the expected format.
    """
    if kind := _binary_kind(head):
        advice = "Unpack it first." if kind.split()[1] in PACKED else "Save it as CSV in UTF-8."
        return f"The file is {kind}, not {_NAMES[form]}. {advice}"
    if encoding := _wide_encoding(head):
        return f"The file is in {encoding}. Save it as UTF-8."
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"<"):
        kind = "an HTML page" if b"<html" in text.lower() or b"<!doctype" in text.lower() else "HTML or XML"
        return f"The file is {kind}, not {_NAMES[form]}. Was an error page or a web page saved in its place?"
    return _wrong_text_format(text, form)


_NAMES = {"csv": "CSV", "ndjson": "NDJSON"}


def _binary_kind(head: bytes) -> str | None:
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return next((kind for sign, kind in ZIPPED.items() if sign in head), "a ZIP archive")
    return next((kind for sign, kind in SIGNATURES.items() if head.startswith(sign)), None)


def _wide_encoding(head: bytes) -> str | None:
    for mark, encoding in WIDE.items():
        if head.startswith(mark):
            return encoding
    # Without a byte order mark: in UTF-16, every second byte of ASCII letters is NUL.
    nuls = head.count(b"\0")
    return "UTF-16 without a byte order mark" if len(head) >= 4 and nuls * 3 >= len(head) else None


def _wrong_text_format(text: bytes, form: str) -> str | None:
    """Return a message if a text file is in a different format than expected: JSON, NDJSON, or CSV without commas."""
    first = text.splitlines()[0] if text else b""
    if text.startswith(b"["):
        return "The file is a JSON array. NDJSON has one object on each line, without brackets and commas around them."
    if form == "csv" and text.startswith(b"{"):
        return "The file is JSON, not CSV. Send it as application/x-ndjson, or give it a name that ends in .ndjson."
    if form == "csv" and first.lower().startswith(b"sep="):
        return "The first line is Excel's note of the separator. Delete it: the first line must name the columns."
    if form == "csv" and (separator := _other_separator(first)):
        return f"The columns are separated by {separator}. Save the file with commas between them."
    is_separated = b"," in first or b";" in first or b"\t" in first
    if form == "ndjson" and text and not text.startswith(b"{") and is_separated:
        return "The file looks like CSV, not NDJSON. Send it as text/csv, or give it a name that ends in .csv."
    return None


def _other_separator(header: bytes) -> str | None:
    """Return the name of the column separator; None if it is a comma or unknown."""
    if b"," in header:
        return None
    return next((name for sign, name in SEPARATORS.items() if sign in header.strip()), None)
