"""The checks of `make torture` notice each kind of fault of a feed."""

import pytest

from tests.torture.ledger import Change, Ledger
from tests.torture.order import apply, feed_problems

FIRST, SECOND = Change("a", 1, "create"), Change("a", 2, "update")
OTHER, UNSURE = Change("b", 1, "create"), Change("b", 2, "delete")
UNKNOWN = Change("c", 1, "create")
FEED = [FIRST, OTHER, SECOND, UNSURE, UNKNOWN]
CODES = {"a": "code of a", "c": "code of c"}


def ledger():
    """Return what clients know of FEED: the answer to the last two changes was lost."""
    made = Ledger()
    made.changes = {FIRST: (1, 2), OTHER: (1.5, 3), SECOND: (4, 5)}
    made.possible, made.possible_keys = {UNSURE}, {"code of c"}
    return made


@pytest.mark.parametrize("feed", [FEED, FEED[:3], [OTHER, FIRST, SECOND, UNKNOWN]])
def test_a_feed_may_have_changes_of_which_nobody_knows(feed):
    assert [*feed_problems(feed, ledger(), CODES)] == []


@pytest.mark.parametrize(
    ("feed", "problem"),
    [
        ([*FEED, UNKNOWN], "1 changes are in the feed more than once"),
        ([FIRST, OTHER], "1 acknowledged changes are not in the feed"),
        ([*FEED, Change("d", 1, "create")], "1 changes in the feed were never made"),
        ([*FEED, Change("a", 3, "update")], "1 changes in the feed were never made"),
        ([SECOND, FIRST, OTHER], "versions [2, 1] of a"),
        ([FIRST, SECOND, OTHER], "comes after Change(id='a', version=2, action='update'), which was sent 1.000 s"),
    ],
)
def test_a_wrong_feed_is_noticed(feed, problem):
    assert any(problem in each for each in feed_problems(feed, ledger(), CODES))


def test_the_actions_of_a_record_are_checked():
    made = ledger()
    made.changes = dict.fromkeys([FIRST, Change("a", 2, "delete"), Change("a", 3, "update")], (1, 2))
    assert "actions ['create', 'delete', 'update'] of a" in feed_problems([*made.changes], made, CODES)


def test_a_list_may_know_later_versions_than_the_changes_after_it():
    assert apply([FIRST, SECOND, UNSURE], {"a": 3, "b": 1}) == {"a": 3}
