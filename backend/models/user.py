"""Users, their roles, and the settings of all users: the fields of their profiles, and the directory."""

from collections.abc import Iterable
from typing import Any, Self

from peewee import SQL, CompositeKey

from backend.models.base import BaseModel, Entity
from backend.models.columns import BooleanColumn, DateTimeColumn, IntegerColumn, JsonColumn, TextColumn, UuidColumn
from backend.utils.emails import comparable_email

PERSON, SERVICE = KINDS = ("person", "service")


class User(Entity):
    """An account: a person who can sign in, or a service, which acts by its API keys alone."""

    kind = TextColumn(default=PERSON)
    email = TextColumn(unique=True, null=True)  # normalised and in lower case; a service has none
    name = TextColumn()
    password_hash = TextColumn(null=True)  # a service has none
    password_generation = IntegerColumn(default=0)  # grows by one with every change of the password
    active = BooleanColumn(default=True)
    verified_at = DateTimeColumn(null=True)  # when the user confirmed the address
    updated_at = DateTimeColumn()
    profile = JsonColumn(default=dict)  # values by name of the profile fields in UserSettings

    class Meta:
        table_name = "larder_users"

    _roles: list[str] | None = None

    @property
    def address(self) -> str:
        """The e-mail address of a person; a service has none."""
        assert self.email is not None
        return self.email

    @classmethod
    def by_email(cls, email: str) -> Self | None:
        """Return the user with this address, however it is written, or None."""
        return cls.get_or_none(cls.email == comparable_email(email))

    def with_roles(self) -> Self:
        """Return the user with their roles read; a read after the commit might fail, although the change succeeded."""
        self._roles = self.roles()
        return self

    def roles(self) -> list[str]:
        """Return the names of the user's roles, sorted."""
        if self._roles is not None:
            return self._roles
        query = UserRole.select(UserRole.role).where(UserRole.user_id == self.id).order_by(UserRole.role)
        return [row.role for row in query]


class UserRole(BaseModel):
    """One role of one user."""

    user_id = UuidColumn(constraints=[SQL("REFERENCES larder_users (id) ON DELETE CASCADE")])
    role = TextColumn(index=True, constraints=[SQL("REFERENCES larder_roles (name) ON DELETE RESTRICT")])

    class Meta:
        table_name = "larder_user_roles"
        primary_key = CompositeKey("user_id", "role")

    @classmethod
    def anyone_has(cls, role: str) -> bool:
        """Return whether at least one person has the role."""
        people = User.select(User.id).where(User.kind == PERSON)
        return bool(cls.select().where(cls.role == role, cls.user_id.in_(people)).exists())


class UserSettings(BaseModel):
    """The single row with the settings of all users.

    `fields` declares the fields of profiles, in the form of a definition's `fields`. `directory` says which `roles` see
    users in the directory, and which `fields` of them.
    """

    id = IntegerColumn(primary_key=True)
    fields = JsonColumn()
    directory = JsonColumn()

    class Meta:
        table_name = "larder_user_settings"

    @classmethod
    def profile_fields(cls) -> dict[str, dict[str, Any]]:
        """Return the declarations of the profile fields by name."""
        fields: dict[str, dict[str, Any]] = cls.select(cls.fields).scalar()
        return fields


def give_roles(user: User, names: Iterable[str]) -> None:
    """Add the roles to the user."""
    if rows := [{"user_id": user.id, "role": name} for name in names]:
        UserRole.insert_many(rows).execute()
