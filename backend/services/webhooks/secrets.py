"""The secrets that messages of webhooks are signed with. They are stored encrypted, with the keys of the settings."""

import secrets
from base64 import b64decode, b64encode

from backend.config.secret_key import load_secret_keys
from backend.config.settings import Settings
from backend.utils.sealing import Sealer

PREFIX = "whsec_"  # Standard Webhooks 1.0
SECRET_BYTES = 32  # as long as the signature, HMAC-SHA256


class WebhookSecrets:
    """Seals secrets of webhooks for the database. A secret that an earlier key has sealed can still be opened."""

    _sealer: Sealer

    def open(self, settings: Settings) -> None:
        """Take the keys from the settings, or from the data folder."""
        self._sealer = Sealer([key.encode() for key in load_secret_keys(settings)], "secret of a webhook")

    def seal(self, secret: str) -> str:
        """Return a secret as it is stored."""
        return b64encode(self._sealer.seal(secret.encode())).decode()

    def unseal(self, stored: str) -> str:
        """Return the secret that is stored as this. Raises ValueError if the key that sealed it is gone."""
        return self._sealer.open(b64decode(stored)).decode()


webhook_secrets = WebhookSecrets()


def make_secret() -> str:
    """Return a new secret, such as `whsec_MfKQ…`."""
    return PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
