"""Signatures of the types that matter most: those that browsers show or run, and those that people upload."""

import re

STRONG_BYTES = 4
ZIP = "application/zip"
# None of these is found by a signature that a text could have by accident.
_STRONG = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
    b"II*\0": "image/tiff",
    b"MM\0*": "image/tiff",
    b"\0\0\x01\0": "image/vnd.microsoft.icon",
    b"%PDF-": "application/pdf",
    b"%!PS-Adobe-": "application/postscript",
    b"{\\rtf": "application/rtf",
    b"PK\x03\x04": ZIP,
    b"PK\x05\x06": ZIP,
    b"\x1f\x8b\x08": "application/gzip",
    b"7z\xbc\xaf\x27\x1c": "application/x-7z-compressed",
    b"Rar!\x1a\x07": "application/vnd.rar",
    b"\xfd7zXZ\0": "application/x-xz",
    b"\x28\xb5\x2f\xfd": "application/zstd",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "application/x-ole-storage",
    b"SQLite format 3\0": "application/vnd.sqlite3",
    b"\x7fELF": "application/x-executable",
    b"\0asm": "application/wasm",
    b"wOFF": "font/woff",
    b"wOF2": "font/woff2",
    b"fLaC": "audio/flac",
}
_WEAK = {
    b"ID3": "audio/mpeg",
    b"BM": "image/bmp",
    b"MZ": "application/vnd.microsoft.portable-executable",
    b"BZh": "application/x-bzip2",
    b"OggS": "application/ogg",
}
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_BRANDS = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heif",
    b"qt  ": "video/quicktime",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
}
_MP4_BRAND = re.compile(rb"iso[m2-9]|mp4[12]|avc1|dash|M4V |MSNV|mmp4|f4v ")
_MAY_RUN = re.compile(r"html|xml|script|svg", re.IGNORECASE)  # in a browser, or in what opens it
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9][a-z0-9.+-]*")
# Bit rates in kbit/s of MPEG 1 and of MPEG 2, layer III, and the sampling rates of MPEG 1.
_BIT_RATES = (
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0),
)
_SAMPLING_RATES = (44_100, 48_000, 32_000)


def strong(head: bytes) -> str | None:
    """Return the type of a file by its first bytes, of signatures that no text has by accident; else None."""
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _container_type(head[8:12])
    if head[:4] == b"\x1aE\xdf\xa3":
        return "video/webm" if b"webm" in head[:64] else "video/x-matroska"
    return next((kind for beginning, kind in _STRONG.items() if head.startswith(beginning)), None)


def _container_type(brand: bytes) -> str | None:
    return _BRANDS.get(brand) or ("video/mp4" if _MP4_BRAND.fullmatch(brand) else None)


def weak(head: bytes) -> str | None:
    """Return the type of a file that is not text, by its first bytes; else None."""
    if _is_mp3_frame(head):
        return "audio/mpeg"
    return next((kind for beginning, kind in _WEAK.items() if head.startswith(beginning)), None)


def _is_mp3_frame(head: bytes) -> bool:
    """Return whether an MP3 begins here without a tag: with a frame that another one follows."""
    length = _mp3_frame_bytes(head[:4])
    return length > 0 and _mp3_frame_bytes(head[length : length + 4]) > 0


def _mp3_frame_bytes(header: bytes) -> int:
    """Return the length of a frame of MPEG layer III by its header of 4 bytes, 0 if it is none."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return 0
    version, sampling = header[1] >> 3 & 3, header[2] >> 2 & 3  # version 3 is MPEG 1, 2 is MPEG 2, 0 is MPEG 2.5
    bit_rate = _BIT_RATES[version == 3][header[2] >> 4]
    if version == 1 or sampling == 3 or not bit_rate:
        return 0
    sampling_rate = _SAMPLING_RATES[sampling] >> {3: 0, 2: 1, 0: 2}[version]
    samples = 144 if version == 3 else 72
    return samples * bit_rate * 1000 // sampling_rate + (header[2] >> 1 & 1)


def is_inert(media_type: str) -> bool:
    """Return whether a type from a table of many is well formed, and of nothing that runs where it is opened."""
    return bool(_MEDIA_TYPE.fullmatch(media_type)) and not _MAY_RUN.search(media_type)
