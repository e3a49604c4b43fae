"""Reading the text in ETags."""

import re
from collections.abc import Container

# Proxies that compress a response change its ETag: Caddy and Apache to "1-gzip", Jetty to "1--gzip", LiteSpeed to
# "1;br;;;", old versions of Apache to "1"-gzip. The version of the record is the same.
_ENCODING = re.compile(r"[-;]{1,3}(?:x-)?(?:gzip|gz|br|zstd|deflate|compress);{0,3}$", re.IGNORECASE)
_WEAK = re.compile(r'^(?:W/|")+', re.IGNORECASE)


class AnyTag(Container[str]):
    """What `If-Match: *` accepts: every tag."""

    def __contains__(self, tag: object) -> bool:
        return True


def plain_tag(text: str) -> str:
    """Return the text of a tag, without quotes, `W/`, and an encoding that a proxy has added."""
    return _ENCODING.sub("", _WEAK.sub("", text).replace('"', ""))
