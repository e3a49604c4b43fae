"""The interface for computing values in SQL, so that both databases get exactly the same result."""

import sys
from abc import ABC, abstractmethod

from peewee import ColumnBase, Node

# Fraction digits of a quotient of exact numbers, and of one with a double, which can be small; the rest is cut off.
DIVISION_DIGITS, DOUBLE_DIVISION_DIGITS = 20, 340
LARGEST_DOUBLE, SMALLEST_DOUBLE = repr(sys.float_info.max), "3e-324"  # what is smaller counts as 0


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
    def exact_double(self, column: Node) -> ColumnBase:
        """Return the exact number that a double is written as: 0.1 is one tenth."""

    @abstractmethod
    def calculate(self, operator: str, left: Node, right: Node, division_digits: int = DIVISION_DIGITS) -> ColumnBase:
        """Return the exact result of one of `+ - * /` for two exact numbers.

        A quotient is cut off after `division_digits` fraction digits.
        """

    @abstractmethod
    def stored(self, exact: Node, scale: int, least: int, most: int, *, is_wide: bool = False) -> ColumnBase:
        """Return an exact number as it is stored: rounded to `scale` fraction digits, a half away from zero.

        It is NULL unless it is between `least` and `most`, which are in units of the last digit.
        """

    @abstractmethod
    def text_of(self, exact: Node, scale: int) -> ColumnBase:
        """Return an exact number as a text with `scale` fraction digits."""

    @abstractmethod
    def stored_double(self, exact: Node) -> ColumnBase:
        """Return the double that is nearest to an exact number; it is NULL if the number is too large."""

    @abstractmethod
    def lower(self, text: Node) -> ColumnBase:
        """Return a text in lower case."""

    @abstractmethod
    def date_part(self, part: str, value: Node, *, is_moment: bool) -> ColumnBase:
        """Return the `year`, `month` or `day` of a day or, in UTC, of a moment, or the `hour`, as an exact number."""
