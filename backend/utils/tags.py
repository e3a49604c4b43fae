"""ETags as texts."""

import re

# Proxies that compress an answer mark its ETag: Caddy and Apache write "1-gzip", Jetty "1--gzip", LiteSpeed "1;br;;;",
# old Apaches "1"-gzip. The record is the same version in whatever encoding.
_ENCODING = re.compile(r"[-;]{1,3}(?:x-)?(?:gzip|gz|br|zstd|deflate|compress);{0,3}$", re.IGNORECASE)
_WEAK = re.compile(r'^(?:W/|")+', re.IGNORECASE)


def plain_tag(text: str) -> str:
    """Return what a tag says, without quotes, without `W/`, and without the encoding that a proxy has added."""
    return _ENCODING.sub("", _WEAK.sub("", text).replace('"', ""))
