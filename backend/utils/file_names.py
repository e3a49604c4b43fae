"""Names of files as clients send them."""

import re
import unicodedata

MAX_CHARACTERS = 255
NAMELESS = "file"
# Control characters, line ends, surrogates, and marks that change the direction of a text: `exe.gpj` would look like
# `jpg.exe`. Marks that join or separate letters stay: some scripts and emojis need them.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]")
_MAX_EXTENSION = 20


def safe_file_name(name: str) -> str:
    """Return a name without folders and without characters that hide what it is, of at most MAX_CHARACTERS.

    The extension is kept. If nothing is left, it is `file`.
    """
    last = re.split(r"[/\\]", _UNSAFE.sub("", name).rstrip("/\\"))[-1]
    # Without dots before it, which hide a file, and after it, which Windows drops.
    clean = unicodedata.normalize("NFC", last).strip().lstrip(". ").rstrip(". ")
    return _shorten(clean) or NAMELESS


def _shorten(name: str) -> str:
    if len(name) <= MAX_CHARACTERS:
        return name
    stem, dot, extension = name.rpartition(".")
    if not stem or len(extension) > _MAX_EXTENSION:
        return name[:MAX_CHARACTERS]
    return f"{stem[: MAX_CHARACTERS - len(extension) - 1]}{dot}{extension}"
