"""People who sign in, and the roles each has."""

from peewee import SQL, CompositeKey

from backend.models.base import BaseModel, Entity
from backend.models.columns import BooleanColumn, DateTimeColumn, IntegerColumn, JsonColumn, TextColumn, UuidColumn
from backend.utils.emails import comparable_email


class User(Entity):
    """A person with an account."""

    email = TextColumn(unique=True)  # normalised and in lower case: addresses that differ in case are one account
    name = TextColumn()
    password_hash = TextColumn()
    password_generation = IntegerColumn(default=0)  # grows by one with every change of the password
    active = BooleanColumn(default=True)
    verified_at = DateTimeColumn(null=True)  # when the address was proved to be theirs
    updated_at = DateTimeColumn()
    profile = JsonColumn(default=dict)  # the values of the fields in UserSettings

    class Meta:
        table_name = "larder_users"

    @classmethod
    def by_email(cls, email):
        """Return the user with this address, however it is written, or None."""
        return cls.get_or_none(cls.email == comparable_email(email))

    _roles = None

    def with_roles(self):
        """Return the user, with the roles of this moment kept: an answer read after a commit could fail by itself."""
        self._roles = self.roles()
        return self

    def roles(self):
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
    def anyone_has(cls, role):
        """Tell whether at least one user has the role."""
        return cls.select().where(cls.role == role).exists()


class UserSettings(BaseModel):
    """The single row that says which fields a profile has; `fields` is as a definition declares them."""

    id = IntegerColumn(primary_key=True)
    fields = JsonColumn()

    class Meta:
        table_name = "larder_user_settings"

    @classmethod
    def current_fields(cls):
        """Return the declarations by name."""
        return cls.select(cls.fields).scalar()


def give_roles(user, names):
    """Add the roles to the user."""
    UserRole.insert_many([{"user_id": user.id, "role": name} for name in names]).execute()
