"""The secrets of webhooks, stored encrypted with the keys of the settings, and what is signed with them."""

import secrets
from base64 import b64decode, b64encode
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from standardwebhooks import Webhook as Signer

from backend.config.secret_key import load_secret_keys
from backend.config.settings import Settings
from backend.models.webhook import Webhook
from backend.utils.clock import utcnow
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


def signing_secrets(webhook: Webhook) -> list[str] | None:
    """Return the secrets that sign now: the present one, and the previous one while it counts.

    Return None if the present one cannot be decrypted. A previous one that cannot is left out.
    """
    try:
        found = [webhook_secrets.unseal(webhook.secret)]
    except ValueError:
        return None
    if webhook.previous_secret and webhook.previous_until and webhook.previous_until > utcnow():
        with suppress(ValueError):
            found.append(webhook_secrets.unseal(webhook.previous_secret))
    return found


def signed_headers(secrets: Sequence[str], message_id: str, sent_at: datetime, body: str) -> dict[str, str]:
    """Return the headers of a message (Standard Webhooks 1.0), with a signature for each secret; `sent_at` is in UTC.

    Receivers accept a message if one of the signatures is right, so they may know the new secret or the previous one.
    """
    signatures = [Signer(secret).sign(message_id, sent_at, body) for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(sent_at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
