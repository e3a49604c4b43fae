"""Relations between the rows of two tables."""

from typing import NamedTuple


class Relation(NamedTuple):
    """A reference: `field` of a record refers to one of `target` or, if `is_back`, those of `target` refer to it.

    If the field is a list of references, `links` is the name of its junction table. If `is_looked_up`, conditions find
    the related record of each row, because the target has records of many resources. `serial` is that of the target's
    Listable: a statement must not be used for a later one of the same name.
    """

    target: str
    field: str
    is_back: bool
    serial: int = 0
    links: str = ""
    is_looked_up: bool = False

    @property
    def is_many(self) -> bool:
        """Whether several records may be related to one."""
        return self.is_back or bool(self.links)

    @property
    def link_field(self) -> str:
        """The field of a record by which its related records are found."""
        return "id" if self.is_back else self.field

    @property
    def matching_field(self) -> str:
        """The field of a related record that has the value of the link field, or one of its values."""
        return self.field if self.is_back else "id"
