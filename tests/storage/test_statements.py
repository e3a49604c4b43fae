"""Statements are kept by their builder and its arguments, and nothing else can reach their text."""

from functools import partial

import pytest
from peewee import SQL, Table

from backend.models.database import database
from backend.services.storage.listable import Listable
from backend.services.storage.statements import slot

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
