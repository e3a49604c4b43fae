"""API keys: secrets for programs."""

from peewee import SQL

from backend.models.base import Entity
from backend.models.columns import DateTimeColumn, JsonColumn, TextColumn, UuidColumn


class ApiKey(Entity):
    """An API key of an account: its hash, and its first characters as `hint`, by which people recognise it."""

    user_id = UuidColumn(index=True, constraints=[SQL("REFERENCES larder_users (id) ON DELETE CASCADE")])
    name = TextColumn()
    hint = TextColumn()
    key_hash = TextColumn(unique=True)
    roles = JsonColumn()
    permissions = JsonColumn(default=list)
    expires_at = DateTimeColumn(null=True)
    last_used_at = DateTimeColumn(null=True)
    revoked_at = DateTimeColumn(null=True)

    class Meta:
        table_name = "larder_api_keys"
