"""The interface for exact sums and averages in SQL, so that both databases get exactly the same result."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from peewee import ColumnBase


class Sums(ABC):
    """Sums and averages of the integers or decimals of a column, in each group of rows.

    The expressions of each order groups as the sum or the average does, when they are compared one after the other.
    `is_wide` means decimals of more than 18 digits.
    """

    @abstractmethod
    def exact_sum(self, column: ColumnBase, is_wide: bool) -> list[ColumnBase]:
        """Return the expressions of an exact sum of integers or decimals; sum_of_parts() takes their values."""

    @abstractmethod
    def exact_average(self, column: ColumnBase, is_wide: bool) -> list[ColumnBase]:
        """Return the expressions of an average of integers or decimals, exact in groups of up to 67 million values."""

    @abstractmethod
    def sum_of_parts(self, parts: Iterator[Any], is_wide: bool) -> Any:
        """Take the values of one exact_sum() from `parts` and return the sum; None if there were no values to sum."""

    @abstractmethod
    def sum_bounds(self, total: Decimal, scale: int, is_wide: bool) -> list[Any]:
        """Return the values that compare with exact_sum() of a column of this scale as `total` does with the sum."""

    @abstractmethod
    def average_bounds(self, average: Decimal, scale: int, is_wide: bool) -> list[Any]:
        """Return the values that compare with exact_average() as `average` does with the average."""
