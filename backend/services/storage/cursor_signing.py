"""Signs the contents of cursors."""

from typing import Any

from itsdangerous import URLSafeSerializer
from itsdangerous.encoding import base64_encode


class CursorSerializer(URLSafeSerializer):
    """A serializer that does not try to compress: for contents as short as a cursor's that takes 14 of 25 us."""

    def dump_payload(self, obj: Any) -> bytes:
        """Return an object as JSON in base64, which load_payload reads, too."""
        return base64_encode(self.serializer.dumps(obj, **self.serializer_kwargs).encode())
