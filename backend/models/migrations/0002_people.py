"""Refresh rotation, mail, invitations, API keys, the audit trail."""

from peewee import SQL, Model
from playhouse.migrate import SchemaMigrator

from backend.models.columns import DateTimeColumn, IntegerColumn, JsonColumn, TextColumn, UuidColumn
from backend.models.database import Dialect


def _user(on_delete: str) -> list[SQL]:
    return [SQL(f"REFERENCES larder_users (id) ON DELETE {on_delete}")]


class MailToken(Model):
    id = UuidColumn(primary_key=True)
    created_at = DateTimeColumn()
    user_id = UuidColumn(index=True, constraints=_user("CASCADE"))
    purpose = TextColumn()
    token_hash = TextColumn(unique=True)
    expires_at = DateTimeColumn(index=True)

    class Meta:
        table_name = "larder_mail_tokens"


class Invitation(Model):
    id = UuidColumn(primary_key=True)
    created_at = DateTimeColumn()
    email = TextColumn(unique=True)
    roles = JsonColumn()
    token_hash = TextColumn(null=True, unique=True)
    expires_at = DateTimeColumn(index=True)
    created_by = UuidColumn(null=True, constraints=_user("SET NULL"))

    class Meta:
        table_name = "larder_invitations"


class OutgoingMail(Model):
    id = UuidColumn(primary_key=True)
    created_at = DateTimeColumn()
    kind = TextColumn()
    email = TextColumn()
    attempts = IntegerColumn()
    due_at = DateTimeColumn(index=True)

    class Meta:
        table_name = "larder_outbox"


class ApiKey(Model):
    id = UuidColumn(primary_key=True)
    created_at = DateTimeColumn()
    user_id = UuidColumn(index=True, constraints=_user("CASCADE"))
    name = TextColumn()
    hint = TextColumn()
    key_hash = TextColumn(unique=True)
    roles = JsonColumn()
    expires_at = DateTimeColumn(null=True)
    last_used_at = DateTimeColumn(null=True)
    revoked_at = DateTimeColumn(null=True)

    class Meta:
        table_name = "larder_api_keys"


class AuditEntry(Model):
    id = UuidColumn(primary_key=True)
    created_at = DateTimeColumn(index=True)
    action = TextColumn(index=True)
    actor_id = UuidColumn(null=True, index=True)
    actor_email = TextColumn(null=True)
    api_key_id = UuidColumn(null=True)
    target_type = TextColumn(null=True)
    target_id = TextColumn(null=True)
    details = JsonColumn()
    address = TextColumn(null=True)
    request_id = TextColumn(null=True)

    class Meta:
        table_name = "larder_audit"
        indexes = ((("target_type", "target_id"), False),)


TABLES = [MailToken, Invitation, OutgoingMail, ApiKey, AuditEntry]


def up(migrator: SchemaMigrator, db: Dialect) -> None:
    """Create the tables; existing users count as verified."""
    migrator.add_column("larder_sessions", "previous_refresh_id", UuidColumn(null=True)).run()
    migrator.add_column("larder_sessions", "rotated_at", DateTimeColumn(null=True)).run()
    migrator.add_column("larder_users", "verified_at", DateTimeColumn(null=True)).run()
    db.execute_sql("UPDATE larder_users SET verified_at = created_at")
    with db.bind_ctx(TABLES, bind_refs=False, bind_backrefs=False):
        for model in TABLES:
            model._meta.strict_tables = db.strict_tables
            model.create_table(safe=False)
