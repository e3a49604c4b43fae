"""Recognizes markup at the beginning of a text."""

import re

SVG, HTML, XML = "image/svg+xml", "text/html", "application/xml"
# What may be before the first element: white space, comments, processing instructions and a document type.
# The repetitions are possessive, so that no text takes the square of the time.
_TEXT = r"\"[^\"]*\"|'[^']*'"
_SUBSET = rf"\[(?:[^\]\"']|{_TEXT})*+\]\s*"
_PROLOGUE = re.compile(
    rf"\s+|<!--.*?-->|<\?.*?\?>|<!doctype(?:[^\[>\"']|{_TEXT})*+(?:{_SUBSET})?>", re.DOTALL | re.IGNORECASE
)
_ELEMENT = re.compile(r"<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)")
# Elements with which browsers recognize HTML (https://mimesniff.spec.whatwg.org, 7.1).
_HTML_ELEMENTS = {
    *("html", "head", "script", "iframe", "h1", "div", "font", "table", "a", "style", "title", "b", "body", "br", "p"),
    *("meta", "link", "img", "object", "embed", "form", "input", "base", "math", "template", "video", "audio"),
}
_TYPE = re.compile(r"<!doctype\s+(?:(html)|svg)", re.IGNORECASE)


def markup_type(text: str) -> str | None:
    """Return the type of a text that begins with an element of SVG, HTML or XML, whatever is before it; else None."""
    end = 0
    while (match := _PROLOGUE.match(text, end)) is not None:
        end = match.end()
    document_type = _TYPE.search(text, 0, end) or _TYPE.match(text, end)
    if document_type:
        return HTML if document_type[1] else SVG
    element = _ELEMENT.match(text, end)
    name = element[1].lower() if element else ""
    if name == "svg":
        return SVG
    if name in _HTML_ELEMENTS:
        return HTML
    return XML if text.lstrip().startswith("<?xml") or element else None
