"""The next number of each field of the type sequence."""

from backend.models.base import BaseModel
from backend.models.columns import IntegerColumn, TextColumn, UuidColumn
from backend.utils.ids import uuid7


class Counter(BaseModel):
    """The next number of the field `field` of a resource; `id` stays when one of them is renamed."""

    id = UuidColumn(primary_key=True, default=uuid7)
    resource = TextColumn()
    field = TextColumn()
    next_number = IntegerColumn()

    class Meta:
        table_name = "larder_counters"
