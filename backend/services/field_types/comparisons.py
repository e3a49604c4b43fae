"""How the values of a field are compared: by which operators, as what in SQL, and in which order."""

from typing import Any, ClassVar

from backend.models.database import Dialect

EQUALITY = ("eq", "ne", "in", "isnull")
ORDERING = ("gt", "gte", "lt", "lte")
TEXT_SEARCH = ("contains", "icontains", "startswith")


class Comparable:
    """The answers of a FieldType about comparisons."""

    name: ClassVar[str]
    operators: ClassVar[tuple[str, ...]] = EQUALITY  # of filters
    json_type: ClassVar[str | list[str]] = "string"  # of a value in a condition, as JSON Schema names it
    sortable: ClassVar[bool] = True  # also: records can be grouped by it
    required: bool

    @property
    def filter_operators(self) -> tuple[str, ...]:
        """The operators of filters on this field; a required field has no `isnull`."""
        return tuple(operator for operator in self.operators if not (operator == "isnull" and self.required))

    @property
    def has_extremes(self) -> bool:
        """Whether `min` and `max` of several values can be computed."""
        return "gt" in self.operators

    @property
    def comparable_as(self) -> str:
        """For rules: a name for how values are compared. Two fields with the same name can be compared."""
        return self.name

    @property
    def stored_as(self) -> str:
        """A name for how values are stored. Two fields with the same name can be compared in SQL."""
        return self.comparable_as

    @property
    def title(self) -> str:
        """The type as the steps of a plan name it."""
        return self.name

    @property
    def holds_items(self) -> bool:
        """Whether a value is a list."""
        return False

    @property
    def ignores_case(self) -> bool:
        """Whether upper and lower case are the same in comparisons."""
        return False

    def compared(self, column: Any, database: Dialect) -> Any:
        """Return the expression that filters, unique indexes and orders compare instead of the value itself."""
        return column

    def compared_value(self, value: Any) -> Any:
        """Return what a value, in the form of the column, is compared by: `compared` in Python."""
        return value

    def sort_key(self, column: Any, database: Dialect) -> Any:
        """Return the expression to sort lists by."""
        return self.compared(column, database)
