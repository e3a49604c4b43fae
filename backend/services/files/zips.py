"""What a zip archive is: office documents and books are archives, too."""

import re
import struct
from collections.abc import Iterator
from typing import IO

from backend.services.files.signatures import ZIP

DIRECTORY_BYTES = 1 << 20  # of the end of a file; an office document with a larger directory is a zip
_END, _ENTRY = b"PK\x05\x06", b"PK\x01\x02"
_ENTRY_BYTES = 46  # of an entry in the directory, without its texts
_OFFICE = "application/vnd.openxmlformats-officedocument."
_OFFICE_FOLDERS = {
    b"word/document": f"{_OFFICE}wordprocessingml.document",
    b"xl/workbook": f"{_OFFICE}spreadsheetml.sheet",
    b"ppt/presentation": f"{_OFFICE}presentationml.presentation",
}
# The first file of an OpenDocument or a book is not compressed, and has its type.
_NAMED_TYPE = re.compile(rb"PK\x03\x04.{22}\x08\0..mimetype.{,64}?(application/[a-z0-9.+-]{,80})", re.DOTALL)
_KNOWN_TYPE = re.compile(r"application/(?:epub\+zip|vnd\.oasis\.opendocument\.[a-z-]+?)(?=PK|$)")


def zip_type(content: IO[bytes], head: bytes) -> str:
    """Return the type of a zip archive by what it contains: an office document, a book, or application/zip."""
    if named := _NAMED_TYPE.match(head):
        known = _KNOWN_TYPE.match(named[1].decode())
        return known[0] if known else ZIP
    names = list(_names(content))
    if b"[Content_Types].xml" not in names:
        return ZIP
    return next(
        (kind for name in names for beginning, kind in _OFFICE_FOLDERS.items() if name.startswith(beginning)), ZIP
    )


def _names(content: IO[bytes]) -> Iterator[bytes]:
    """Yield the names in the directory at the end of an archive.

    Python's zipfile would create an object for each of a million entries.
    """
    size = content.seek(0, 2)
    content.seek(max(0, size - DIRECTORY_BYTES))
    tail = content.read()
    end = tail.rfind(_END)
    if end < 0 or end + 16 > len(tail):
        return
    at = end - int(struct.unpack_from("<L", tail, end + 12)[0])
    while 0 <= at <= end - _ENTRY_BYTES and tail.startswith(_ENTRY, at):
        name, extra, comment = struct.unpack_from("<HHH", tail, at + 28)
        yield tail[at + _ENTRY_BYTES : at + _ENTRY_BYTES + name]
        at += _ENTRY_BYTES + name + extra + comment
