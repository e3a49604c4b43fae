"""One login on one device."""

from peewee import SQL

from backend.models.base import Entity
from backend.models.columns import DateTimeColumn, TextColumn, UuidColumn


class Session(Entity):
    """A login; every access token belongs to one and is good only while its session is."""

    user_id = UuidColumn(index=True, constraints=[SQL("REFERENCES larder_users (id) ON DELETE CASCADE")])
    refresh_id = UuidColumn()  # the `jti` of the one refresh token that is good now
    previous_refresh_id = UuidColumn(null=True)
    rotated_at = DateTimeColumn(null=True)
    user_agent = TextColumn()
    address = TextColumn()
    last_used_at = DateTimeColumn()
    expires_at = DateTimeColumn(index=True)
    ended_at = DateTimeColumn(null=True)

    class Meta:
        table_name = "larder_sessions"
