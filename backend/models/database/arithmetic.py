"""The interface for computing values in SQL, so that both databases get exactly the same result."""

from abc import ABC, abstractmethod

from peewee import ColumnBase, Node

DIVISION_DIGITS = 20  # fraction digits of a quotient; the digits after them are cut off
# A double that is larger becomes infinite, and the result of a product or quotient that is smaller becomes 0. Otherwise
# Postgres would raise an error, from which a caller could draw conclusions about values that are hidden from them.
LARGEST_DOUBLE, SMALLEST_DOUBLE = "1e308", "1e-307"


class Arithmetic(ABC):
    """Expressions that compute values.

    An exact number is an expression of its own kind: NUMERIC on Postgres, the text of a decimal on SQLite. It can have
    any number of digits. Without a value, or after a division by zero, it is NULL.
    """

    @abstractmethod
    def exact(self, column: Node, scale: int, *, is_wide: bool = False) -> ColumnBase:
        """Return the exact number of an integer, or of a decimal as it is stored with `scale` fraction digits.

        `is_wide` means decimals of more than 18 digits.
        """

    @abstractmethod
    def number(self, digits: str) -> ColumnBase:
        """Return the exact number of digits such as `0.19`."""

    @abstractmethod
    def calculate(self, operator: str, left: Node, right: Node) -> ColumnBase:
        """Return the exact result of one of `+ - * /` for two exact numbers."""

    @abstractmethod
    def stored(self, exact: Node, scale: int, least: int, most: int, *, is_wide: bool = False) -> ColumnBase:
        """Return an exact number as it is stored: rounded to `scale` fraction digits, a half away from zero.

        It is NULL unless it is between `least` and `most`, which are in units of the last digit.
        """

    @abstractmethod
    def text_of(self, exact: Node, scale: int) -> ColumnBase:
        """Return an exact number as a text with `scale` fraction digits."""

    @abstractmethod
    def double(self, exact: Node) -> ColumnBase:
        """Return an exact number as a double; it is infinite if it is too large."""

    @abstractmethod
    def calculate_doubles(self, operator: str, left: Node, right: Node) -> ColumnBase:
        """Return the result of one of `+ - * /` for two doubles; it is infinite if it is too large."""

    @abstractmethod
    def lower(self, text: Node) -> ColumnBase:
        """Return a text in lower case."""

    @abstractmethod
    def date_part(self, part: str, value: Node, *, is_moment: bool) -> ColumnBase:
        """Return the `year`, `month` or `day` of a day or, in UTC, of a moment, or the `hour`, as an exact number."""
