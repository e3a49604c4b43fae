"""SQL that is built once and run many times.

Building a query with peewee takes many times as long as running a small one, so its text is kept. Slots mark the places
of values; each run fills them by name.
"""

import sys
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import count
from types import FunctionType
from typing import Any, ClassVar, TypeVar

from peewee import BaseQuery, Value

from backend.models.database import database

MAX_KEPT_BYTES = 16_000_000  # of all statements that a process keeps
PLACE_BYTES = 300  # that each place of a value takes in addition to the text, in the statement and in its key

Builder = Callable[..., BaseQuery]  # a module's function that returns a peewee query
Build = TypeVar("Build", bound=Callable[..., BaseQuery])
Shape = tuple[Hashable, ...]  # the arguments of a Builder
Values = Mapping[str, Any]  # by the names of Slots


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a statement for the value of this name."""

    name: str


def slot(name: str) -> Value:
    """Return the peewee node of a Slot."""
    return Value(Slot(name), converter=False)


def one_plan(build: Build) -> Build:
    """Mark the Builder of statements that find rows by a unique key: one plan is the best for all values.

    Postgres keeps the plan of such a statement. Others are planned for the values of each run: `status = 'open'` may be
    true of one row or of most.
    """
    build.has_one_plan = True  # type: ignore[attr-defined]  # functions take any attribute
    return build


class Statement:
    """The text of a query, with its constant values and its Slots.

    `has_one_plan` says whether the best plan is the same for all values: see one_plan().
    """

    def __init__(self, query: BaseQuery, *, has_one_plan: bool = False) -> None:
        self.sql, parts = query.sql()
        self.has_one_plan = has_one_plan
        self._template = [None if isinstance(part, Slot) else part for part in parts]
        self._slots = [(i, part.name) for i, part in enumerate(parts) if isinstance(part, Slot)]

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return sys.getsizeof(self.sql) + PLACE_BYTES * (len(self._template) + 1)

    def run(self, values: Values) -> list[tuple[Any, ...]]:
        """Execute with `values` by slot name; return all rows as tuples."""
        return database.fetch_all(self.sql, self._bound(values), self.has_one_plan)

    def run_ahead(self, values: Values) -> None:
        """Execute with `values`, on Postgres together with the next statement of the transaction; ignore the rows."""
        database.send_ahead(self.sql, self._bound(values))

    def run_many(self, rows: Iterable[Values]) -> None:
        """Execute once with each of `rows`, values by slot name."""
        database.execute_many(self.sql, [self._bound(values) for values in rows])

    def _bound(self, values: Values) -> list[Any]:
        bound = self._template.copy()
        for i, name in self._slots:
            bound[i] = values[name]
        return bound


def built_once(build: Callable[[], BaseQuery]) -> Callable[[], Statement]:
    """Return a function that returns the Statement of `build`: built once for each database, which has its own SQL.

    It must find rows by a unique key: see one_plan().
    """
    return _once(build, has_one_plan=True)


def built_once_with_plans(build: Callable[[], BaseQuery]) -> Callable[[], Statement]:
    """Do the same for a statement that finds rows by other columns: Postgres plans it at each run."""
    return _once(build, has_one_plan=False)


def _once(build: Callable[[], BaseQuery], *, has_one_plan: bool) -> Callable[[], Statement]:
    build_for = cache(lambda database_name: Statement(build(), has_one_plan=has_one_plan))
    return lambda: build_for(database.name)


class StatementCache:
    """The statements of one Listable, each by its builder and the builder's arguments.

    Nothing else can affect the text: a builder is a function of a module, so it sees its arguments but no values of its
    caller. All caches of the process together keep at most `max_bytes`; the least recently used statement is dropped
    first. The statements of a deleted cache, such as that of a former definition, are dropped when the next is kept.
    """

    max_bytes: ClassVar[int] = MAX_KEPT_BYTES
    # By (number of the cache, builder, shape), each with its size in bytes.
    _kept: ClassVar[OrderedDict[tuple[Any, ...], tuple[Statement, int]]] = OrderedDict()
    _lock: ClassVar[threading.Lock] = threading.Lock()
    _bytes: ClassVar[int] = 0
    _numbers: ClassVar[Iterator[int]] = count()
    _deleted: ClassVar[deque[int]] = deque()  # the numbers of deleted caches

    def __init__(self) -> None:
        self._number = next(self._numbers)  # no two have the same, unlike id()

    def __del__(self) -> None:
        # It may run anywhere, also while this thread holds the lock.
        self._deleted.append(self._number)

    def get(self, build: Builder, listable: object, shape: Shape) -> Statement:
        """Return the Statement of `build(listable, *shape)`; raise TypeError for a builder that sees more than these.

        `listable` is always the one whose cache this is.
        """
        key = (self._number, build, shape)
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found[0]
        _require_function_of_module(build)
        statement = Statement(build(listable, *shape), has_one_plan=hasattr(build, "has_one_plan"))
        self._keep(key, statement, statement.size + len(repr(shape)))
        return statement

    def _keep(self, key: tuple[Any, ...], statement: Statement, size: int) -> None:
        if size > self.max_bytes // 16:
            return  # it would drive out many others
        with self._lock:
            if key in self._kept:
                return
            self._drop_deleted()
            self._kept[key] = (statement, size)
            StatementCache._bytes += size
            while self._bytes > self.max_bytes:
                self._drop(next(iter(self._kept)))

    @classmethod
    def _drop_deleted(cls) -> None:
        numbers = {cls._deleted.popleft() for _ in range(len(cls._deleted))}
        if numbers:
            for key in [key for key in cls._kept if key[0] in numbers]:
                cls._drop(key)

    @classmethod
    def _drop(cls, key: tuple[Any, ...]) -> None:
        cls._bytes -= cls._kept.pop(key)[1]

    @classmethod
    def kept_bytes(cls) -> int:
        """Return about how many bytes the statements of all caches take."""
        return cls._bytes


def _require_function_of_module(build: Builder) -> None:
    """Raise TypeError for a method, a closure or any other function that could see what is not in the key."""
    if not isinstance(build, FunctionType) or build.__qualname__ != build.__name__ or build.__name__ == "<lambda>":
        raise TypeError(f"{build!r} is not a function of a module: it could see more than its arguments.")
