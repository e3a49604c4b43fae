"""Escaping control characters in texts of others: a terminal could run them, a log reader take them for a line end."""

# C0, DEL, C1, the Unicode separators of lines and paragraphs, and the characters that change the text direction.
CONTROLS = (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_AS_TEXT = {code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in CONTROLS}
_AS_TEXT_OF_LINES = {code: text for code, text in _AS_TEXT.items() if code != ord("\n")}
_AS_JSON = {code: f"\\u{code:04x}" for code in CONTROLS}


def without_controls(text: str, *, keep_lines: bool = False) -> str:
    """Return the text with its control characters escaped, such as `\\x1b`; with `keep_lines`, newlines stay."""
    return text if text.isprintable() else text.translate(_AS_TEXT_OF_LINES if keep_lines else _AS_TEXT)


def json_without_controls(text: str) -> str:
    """Return JSON text with control characters escaped that JSON allows in strings."""
    return text if text.isascii() and "\x7f" not in text else text.translate(_AS_JSON)
