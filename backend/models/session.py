"""Sessions: sign-ins on devices."""

from peewee import SQL

from backend.models.base import Entity
from backend.models.columns import DateTimeColumn, TextColumn, UuidColumn


class Session(Entity):
    """One sign-in on one device; an access token is valid only while its session is."""

    user_id = UuidColumn(index=True, constraints=[SQL("REFERENCES larder_users (id) ON DELETE CASCADE")])
    refresh_id = UuidColumn()  # the `jti` of the only refresh token that is valid now
    previous_refresh_id = UuidColumn(null=True)
    rotated_at = DateTimeColumn(null=True)
    user_agent = TextColumn()
    address = TextColumn()
    last_used_at = DateTimeColumn()
    expires_at = DateTimeColumn(index=True)
    ended_at = DateTimeColumn(null=True)

    class Meta:
        table_name = "larder_sessions"
