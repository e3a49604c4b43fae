"""Uploaded files: what is known of each; their bytes are in the storage of files, under the file's id."""

from typing import Any

from peewee import SQL, Case, fn

from backend.models.base import Entity
from backend.models.columns import DateTimeColumn, IntegerColumn, TextColumn, UuidColumn

STAGED, ATTACHED, REMOVED = STATES = ("staged", "attached", "removed")


class File(Entity):
    """An uploaded file. It never changes, except that it is attached to one field of one record, and later removed.

    Until then it is *staged*: it has no `resource`, and only `uploaded_by` can attach it. `type` is what the bytes are.
    The bytes of a removed file are deleted some days after `removed_at`, and the row with them.
    """

    name = TextColumn()
    type = TextColumn()
    bytes = IntegerColumn()
    sha256 = TextColumn()
    uploaded_by = UuidColumn(null=True, constraints=[SQL("REFERENCES larder_users (id) ON DELETE SET NULL")])
    resource = TextColumn(null=True)
    record_id = UuidColumn(null=True)
    field = TextColumn(null=True)
    removed_at = DateTimeColumn(null=True, index=True)

    class Meta:
        table_name = "larder_files"
        indexes = ((("resource", "record_id", "field"), False), (("uploaded_by", "resource"), False))

    @classmethod
    def totals(cls) -> list[tuple[str, int, int]]:
        """Return (state, number of files, their bytes) for each state that files are in."""
        state = Case(None, ((cls.removed_at.is_null(False), REMOVED), (cls.resource.is_null(), STAGED)), ATTACHED)
        query = cls.select(state, fn.COUNT(cls.id), fn.SUM(cls.bytes)).group_by(SQL("1"))
        rows: Any = query.tuples()
        return [(name, number, int(size)) for name, number, size in rows]
