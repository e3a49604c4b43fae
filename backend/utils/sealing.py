"""Encrypts what only this installation may read, so that a change of it is noticed, too."""

import hmac
from collections.abc import Sequence

from nacl.exceptions import CryptoError
from nacl.secret import SecretBox


class Sealer:
    """Seals contents for one purpose: those of another purpose, or of other keys, cannot be opened.

    The first key seals, all of them open, so the keys can be replaced one after the other.
    """

    def __init__(self, keys: Sequence[bytes], purpose: str) -> None:
        self._boxes = [SecretBox(hmac.digest(key, purpose.encode(), "sha256")) for key in keys]

    def seal(self, content: bytes) -> bytes:
        """Return the content encrypted, which is 40 bytes longer and different each time."""
        return bytes(self._boxes[0].encrypt(content))

    def open(self, sealed: bytes) -> bytes:
        """Return the content of what `seal` returned. Raises ValueError for anything else."""
        for box in self._boxes:
            try:
                return box.decrypt(sealed)
            except (CryptoError, ValueError):  # ValueError: shorter than a nonce
                continue
        raise ValueError("It was not sealed with one of the keys.")
