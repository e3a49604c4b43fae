"""Signs messages of webhooks as Standard Webhooks 1.0 does."""

from collections.abc import Sequence
from datetime import datetime

from standardwebhooks import Webhook


def signed_headers(secrets: Sequence[str], message_id: str, sent_at: datetime, body: str) -> dict[str, str]:
    """Return the headers of a message, with a signature for each secret; `sent_at` is in UTC.

    Receivers accept a message if one of the signatures is right, so they may know the new secret or the previous one.
    """
    signatures = [Webhook(secret).sign(message_id, sent_at, body) for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(sent_at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
