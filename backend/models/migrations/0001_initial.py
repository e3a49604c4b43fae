"""The first tables: roles, users, sessions, definitions."""

from datetime import UTC, datetime

from peewee import SQL, CompositeKey, Model
from playhouse.migrate import SchemaMigrator

from backend.models.columns import BooleanColumn, DateTimeColumn, IntegerColumn, JsonColumn, TextColumn, UuidColumn
from backend.models.database import Dialect


def _references(table: str, column: str, on_delete: str) -> list[SQL]:
    return [SQL(f"REFERENCES {table} ({column}) ON DELETE {on_delete}")]


class Role(Model):
    name = TextColumn(primary_key=True)
    description = TextColumn()
    permissions = JsonColumn()
    created_at = DateTimeColumn()

    class Meta:
        table_name = "larder_roles"


class User(Model):
    id = UuidColumn(primary_key=True)
    created_at = DateTimeColumn()
    email = TextColumn(unique=True)
    name = TextColumn()
    password_hash = TextColumn()
    active = BooleanColumn()
    updated_at = DateTimeColumn()

    class Meta:
        table_name = "larder_users"


class UserRole(Model):
    user_id = UuidColumn(constraints=_references("larder_users", "id", "CASCADE"))
    role = TextColumn(index=True, constraints=_references("larder_roles", "name", "RESTRICT"))

    class Meta:
        table_name = "larder_user_roles"
        primary_key = CompositeKey("user_id", "role")


class Session(Model):
    id = UuidColumn(primary_key=True)
    created_at = DateTimeColumn()
    user_id = UuidColumn(index=True, constraints=_references("larder_users", "id", "CASCADE"))
    refresh_id = UuidColumn()
    user_agent = TextColumn()
    address = TextColumn()
    last_used_at = DateTimeColumn()
    expires_at = DateTimeColumn(index=True)
    ended_at = DateTimeColumn(null=True)

    class Meta:
        table_name = "larder_sessions"


class StoredDefinition(Model):
    name = TextColumn(primary_key=True)
    body = JsonColumn()
    version = IntegerColumn()
    created_at = DateTimeColumn()
    updated_at = DateTimeColumn()

    class Meta:
        table_name = "larder_definitions"


class DefinitionVersion(Model):
    name = TextColumn()
    version = IntegerColumn()
    body = JsonColumn(null=True)
    created_at = DateTimeColumn()
    created_by = UuidColumn(null=True, constraints=_references("larder_users", "id", "SET NULL"))

    class Meta:
        table_name = "larder_definition_versions"
        primary_key = CompositeKey("name", "version")


class Generation(Model):
    id = IntegerColumn(primary_key=True)
    number = IntegerColumn()

    class Meta:
        table_name = "larder_generation"


# In the order of their foreign keys.
TABLES = [Role, User, UserRole, Session, StoredDefinition, DefinitionVersion, Generation]
ROLES = {
    "admin": "May do everything",
    "member": "Every registered user",
    "editor": "Given by admins to people who look after content",
}


def up(migrator: SchemaMigrator, db: Dialect) -> None:
    """Create the tables, the built-in roles and the first generation."""
    with db.bind_ctx(TABLES, bind_refs=False, bind_backrefs=False):
        for model in TABLES:
            model._meta.strict_tables = db.strict_tables
            model.create_table(safe=False)
        for name, description in ROLES.items():
            Role.insert(name=name, description=description, permissions=[], created_at=datetime.now(UTC)).execute()
        Generation.insert(id=1, number=1).execute()
