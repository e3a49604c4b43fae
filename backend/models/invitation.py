"""Invitations to create an account."""

from peewee import SQL

from backend.models.base import Entity
from backend.models.columns import DateTimeColumn, JsonColumn, TextColumn, UuidColumn


class Invitation(Entity):
    """An open invitation; without `token_hash` its mail has not been sent yet."""

    email = TextColumn(unique=True)
    roles = JsonColumn()
    token_hash = TextColumn(null=True, unique=True)
    expires_at = DateTimeColumn(index=True)
    created_by = UuidColumn(null=True, constraints=[SQL("REFERENCES larder_users (id) ON DELETE SET NULL")])

    class Meta:
        table_name = "larder_invitations"
