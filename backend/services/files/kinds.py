"""What the bytes of a file are. What a client declares counts only for text, which has no signature."""

import codecs
import json
import re
from mimetypes import MimeTypes
from typing import IO

import puremagic

from backend.services.files import markup, signatures
from backend.services.files.stored import CHUNK_BYTES
from backend.services.files.zips import zip_type

UNKNOWN = "application/octet-stream"
PLAIN = "text/plain"
JSON = "application/json"
HEAD_BYTES = 64 << 10
PARSED_BYTES = 1 << 20  # a larger file is not parsed to find out whether it is JSON
UNDECLARED = {"", UNKNOWN, "application/x-www-form-urlencoded"}  # what programs send if nobody chose a type
OFFICE_97 = "application/x-ole-storage"
IN_OFFICE_97 = re.compile(r"application/(?:msword|vnd\.(?:ms-(?:excel|powerpoint|outlook|project)|visio))")
_TEXT_TYPE = re.compile(
    r"text/(?!html$|xml$)[a-z0-9.+-]+"
    r"|application/(?:(?:x-)?(?:javascript|json|ndjson|yaml|toml|sql|sh|latex|tex|subrip)|[a-z0-9.-]+\+(?:json|yaml))"
)
# Python imports an encoding when it is first used. That would fail while the process has no descriptor for a file.
_DECODERS = {encoding: codecs.getincrementaldecoder(encoding) for encoding in ("utf-8-sig", "utf-16")}
_BY_NAME = MimeTypes()
_BY_NAME.add_type("text/markdown", ".md")
_BY_NAME.add_type("application/yaml", ".yaml")
_BY_NAME.add_type("application/yaml", ".yml")


def detect_type(content: IO[bytes], declared: str, name: str) -> str:
    """Return the media type of a file that is open and seekable, such as `image/png`, in lower case.

    A type that is declared, or else follows from the name, only chooses between types of text: what is in bytes wins.
    """
    content.seek(0)
    head = content.read(HEAD_BYTES)
    declared = declared.partition(";")[0].strip().lower()
    if declared in UNDECLARED:
        declared = _BY_NAME.guess_type(name)[0] or UNKNOWN
    found = signatures.strong(head)
    if found == signatures.ZIP:
        return zip_type(content, head)
    if found == OFFICE_97:
        return declared if IN_OFFICE_97.fullmatch(declared) else found
    return found or _text_type(content, head, declared) or signatures.weak(head) or _from_puremagic(head) or UNKNOWN


def _text_type(content: IO[bytes], head: bytes, declared: str) -> str | None:
    """Return the type of a text; None if the file is no text."""
    encoding = "utf-16" if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    if not _is_text(content, encoding):
        return None
    found = markup.markup_type(head.decode(encoding, "ignore"))
    if found or encoding == "utf-16":
        return found or PLAIN
    if declared != PLAIN and not _TEXT_TYPE.fullmatch(declared):
        return JSON if _is_json(content, head) else PLAIN
    return declared


def _is_text(content: IO[bytes], encoding: str) -> bool:
    """Return whether all bytes are text in the encoding, without NUL."""
    decoder = _DECODERS[encoding]()
    content.seek(0)
    try:
        while data := content.read(CHUNK_BYTES):
            if "\0" in decoder.decode(data):
                return False
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _is_json(content: IO[bytes], head: bytes) -> bool:
    """Return whether a text is a JSON object or array. Larger ones are not parsed."""
    if not head.lstrip().startswith((b"{", b"[")):
        return False
    content.seek(0)
    text = content.read(PARSED_BYTES + 1)
    try:
        return len(text) <= PARSED_BYTES and json.loads(text) is not None
    except (ValueError, RecursionError):
        return False


def _from_puremagic(head: bytes) -> str | None:
    """Return what puremagic recognizes at the beginning of a file that is not text.

    Its signatures of up to 3 bytes fit many files by accident, and its footers would let a file lie about its head.
    """
    try:
        found = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        return None
    types = [
        each.mime_type
        for each in sorted(found, key=lambda each: len(each.byte_match), reverse=True)
        if len(each.byte_match) >= signatures.STRONG_BYTES and each.offset >= 0 and signatures.is_inert(each.mime_type)
    ]
    return types[0] if types else None
