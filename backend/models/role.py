"""Roles: named sets of permissions, which grants name too."""

from backend.models.base import BaseModel
from backend.models.columns import DateTimeColumn, JsonColumn, TextColumn
from backend.utils.clock import utcnow

ADMIN = "admin"  # may do everything
MEMBER = "member"  # every user has it
EDITOR = "editor"  # has no meaning until grants name it
BUILT_IN = (ADMIN, MEMBER, EDITOR)


class Role(BaseModel):
    """A role; `permissions` is a list such as `["users:read"]`."""

    name = TextColumn(primary_key=True)
    description = TextColumn(default="")
    permissions = JsonColumn(default=list)
    created_at = DateTimeColumn(default=utcnow)

    class Meta:
        table_name = "larder_roles"
