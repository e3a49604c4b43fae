"""The encodings of files: recognized by their first bytes, and converted to UTF-8 while a file is read."""

import codecs
import io
from typing import IO

from backend.utils.file_kinds import HEAD_BYTES

ENCODINGS = {  # name of the option: codec
    "utf-8": "utf-8",
    "utf-16": "utf-16",
    "utf-16-le": "utf-16-le",
    "utf-16-be": "utf-16-be",
    "latin-1": "iso8859-1",
    "windows-1252": "cp1252",
}
# Longer marks first: that of UTF-32 begins with that of UTF-16.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_INVALID = "larder.invalid"  # the error handler for bytes that the encoding does not have


def marked_encoding(head: bytes) -> str | None:
    """Return the encoding that a byte order mark at the beginning of a file names; None without one."""
    return next((encoding for mark, encoding in _MARKS.items() if head.startswith(mark)), None)


def unmarked_encoding(head: bytes) -> str | None:
    """Return `utf-16-le` or `utf-16-be` if the first bytes of a file look like it, without a byte order mark."""
    # In UTF-16, every second byte of ASCII letters is NUL.
    if len(head) < 4 or head.count(b"\0") * 3 < len(head):
        return None
    return "utf-16-le" if head[1::2].count(b"\0") > head[::2].count(b"\0") else "utf-16-be"


def guess_encoding(file: IO[bytes]) -> str:
    """Return `windows-1252` if the file has bytes that are not UTF-8, otherwise an empty text; go back to its start.

    Files with a byte order mark or in UTF-16 are recognized elsewhere.
    """
    head = file.read(HEAD_BYTES)
    file.seek(0)
    if marked_encoding(head) or unmarked_encoding(head):
        return ""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while data := file.read(HEAD_BYTES * 64):
            decoder.decode(data)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "windows-1252"
    finally:
        file.seek(0)
    return ""


def as_utf8(file: io.BufferedReader, encoding: str) -> io.BufferedReader:
    """Return a file in another encoding as one in UTF-8. What is not valid in its encoding is not valid in UTF-8."""
    return io.BufferedReader(_Recoded(file, ENCODINGS.get(encoding, encoding)))


class _Recoded(io.RawIOBase):
    """The bytes of a text file in UTF-8. Closing it leaves the file open."""

    def __init__(self, file: io.BufferedReader, codec: str) -> None:
        self._text = io.TextIOWrapper(file, encoding=codec, errors=_INVALID, newline="")
        self._rest = b""

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # any buffer, which io hides
        """Fill the buffer, and return the number of bytes; 0 at the end."""
        if not self._rest:
            self._rest = self._text.read(len(buffer)).encode(errors="surrogateescape")
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count

    def close(self) -> None:
        """Detach from the file; its owner closes it."""
        if not self.closed:
            self._text.detach()
        super().close()


def _escape_invalid(error: UnicodeError) -> tuple[str, int]:
    """Return invalid bytes as lone surrogates, which become bytes that are not valid in UTF-8."""
    assert isinstance(error, UnicodeDecodeError)
    return "".join(chr(0xDC80 + (byte & 0x7F)) for byte in error.object[error.start : error.end]), error.end


codecs.register_error(_INVALID, _escape_invalid)
