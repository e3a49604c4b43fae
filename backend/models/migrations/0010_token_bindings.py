"""Mails' tokens end with the address and the password that they were sent for."""

from typing import Any

from peewee import SQL
from playhouse.migrate import SchemaMigrator

from backend.models.columns import Column, IntegerColumn, TextColumn
from backend.models.database import Dialect


def up(migrator: SchemaMigrator, db: Dialect) -> None:
    """Add the columns; tokens on their way are for the address and the password of now."""

    def add(table: str, name: str, column: Column[Any]) -> None:
        migrator.add_column(table, name, column, allow_not_null=True).run()

    add("larder_users", "password_generation", IntegerColumn(default=0, constraints=[SQL("DEFAULT 0")]))
    add("larder_mail_tokens", "password_generation", IntegerColumn(default=0, constraints=[SQL("DEFAULT 0")]))
    add("larder_mail_tokens", "email", TextColumn(default="", constraints=[SQL("DEFAULT ''")]))
    of_user = "SELECT email FROM larder_users WHERE id = larder_mail_tokens.user_id"
    db.execute_sql(f"UPDATE larder_mail_tokens SET email = ({of_user})")
