"""Relations between the rows of two tables."""

from typing import NamedTuple


class Relation(NamedTuple):
    """A reference: `field` of a record refers to one of `target` or, if `is_back`, those of `target` refer to it.

    `serial` is that of the target's Listable: a statement must not be used for a later one of the same name.
    """

    target: str
    field: str
    is_back: bool
    serial: int = 0

    @property
    def link_field(self) -> str:
        """The field of a record by which its related records are found."""
        return "id" if self.is_back else self.field

    @property
    def matching_field(self) -> str:
        """The field of a related record that has the same value as the link field."""
        return self.field if self.is_back else "id"
