"""Statements are kept by their builder and its arguments, and nothing else can reach their text."""

import ast
import gc
import importlib
import inspect
from functools import partial
from pathlib import Path

import pytest
from peewee import SQL, Table

from backend.models.database import database
from backend.services.storage.listable import Listable
from backend.services.storage.statements import StatementCache, slot

BACKEND = Path(__file__).parents[2] / "backend"
BUILT = []
NOTHING = Table("unused").bind(database)


def select_sum(listable, first, second):
    BUILT.append((first, second))
    return NOTHING.select(SQL(f"{first} + {second}"), slot("third")).from_()


class Holder:
    def select_one(self, listable):
        return NOTHING.select(SQL("1")).from_()


def enclosing(seen):
    def select_seen(listable):
        return NOTHING.select(SQL(str(seen))).from_()

    return select_seen


@pytest.fixture
def listable(app):
    with database.connection_context():
        BUILT.clear()
        yield Listable("unused", {}, None, None)


def test_builds_a_statement_once_for_the_same_arguments(listable):
    assert [listable.run(select_sum, 1, 2, values={"third": each}) for each in (3, 4)] == [[(3, 3)], [(3, 4)]]
    assert BUILT == [(1, 2)]


def test_keeps_a_statement_for_each_of_different_arguments(listable):
    assert [listable.run(select_sum, 1, each, values={"third": 0}) for each in (2, 5)] == [[(3, 0)], [(6, 0)]]
    assert BUILT == [(1, 2), (1, 5)]


def test_drops_the_statements_of_a_deleted_listable_when_the_next_is_kept(listable):
    gc.collect()  # listables of other tests
    kept = []
    for number in (1, 2):
        listable.run(select_sum, 1, number, values={"third": 0})
        kept.append(StatementCache.kept_bytes())
    for number in range(3):
        Listable("former", {}, None, None).run(select_sum, 1, number, values={"third": 0})
    gc.collect()
    listable.run(select_sum, 1, 3, values={"third": 0})
    assert StatementCache.kept_bytes() == kept[1] + (kept[1] - kept[0])


def test_keeps_statements_of_different_listables_apart(listable):
    for each in (listable, Listable("unused", {}, None, None)):
        each.run(select_sum, 1, 2, values={"third": 0})
    assert BUILT == [(1, 2), (1, 2)]


@pytest.mark.parametrize(
    "build",
    [enclosing(1), Holder().select_one, partial(select_sum, first=1, second=2), lambda listable: None],
    ids=["closure", "method", "partial", "lambda"],
)
def test_refuses_builders_that_see_more_than_their_arguments(listable, build):
    with pytest.raises(TypeError, match="not a function of a module"):
        listable.run(build, values={})


def test_refuses_arguments_that_could_change_later(listable):
    with pytest.raises(TypeError, match="unhashable"):
        listable.run(select_sum, [1], 2, values={"third": 0})


def builders():
    """Yield every function of the backend that is given to `run` or `run_many` of a Listable."""
    for path in BACKEND.rglob("*.py"):
        module = ".".join(["backend", *path.relative_to(BACKEND).with_suffix("").parts])
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and is_run(node):
                yield getattr(importlib.import_module(module), node.args[0].id)


def is_run(call):
    """Return whether a call is one of `run(builder, …, values=…)` or `run_many(builder, …, rows=…)`."""
    values = {"run": "values", "run_many": "rows"}.get(getattr(call.func, "attr", None))
    return values in {each.arg for each in call.keywords if each.arg} and isinstance(call.args[0], ast.Name)


def reached(function, seen):
    """Yield the globals that a function and the backend's functions it calls use, by name."""
    seen.add(function)
    for name, value in inspect.getclosurevars(function).globals.items():
        if inspect.isfunction(value) and value.__module__.startswith("backend."):
            if value not in seen:
                yield from reached(value, seen)
        else:
            yield name, value


def test_builders_use_no_state_of_the_process():
    found = list(builders())
    assert len(found) >= 15
    for build in found:
        state = {
            name
            for name, value in reached(build, set())
            if type(value).__module__.startswith("backend.") and value is not database
            if not isinstance(value, tuple)  # a constant
        }
        assert state == set(), build
