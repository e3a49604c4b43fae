"""Renames, of fields and of resources alike: which former name each declared name replaces."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

FormerNames = Mapping[str, list[str]]  # of each name, the latest first


class Renames(NamedTuple):
    """`origins` has the old name of each that is renamed, `problems` messages about former names that are wrong.

    For example, Renames(origins={"title": "name"}, problems={"pages": "There is no field length to rename to pages."}).
    """

    origins: dict[str, str]
    problems: dict[str, str]


def find_renames(what: str, old: FormerNames, new: FormerNames) -> Renames:
    """Return the Renames from `old` to `new`, both {name: the former names it declares, the latest first}.

    A new name replaces the first of its former names that exists. An existing name replaces one only if the definition
    in force does not list that former name yet, and if the former name is renamed itself or no longer declared: so two
    names may be swapped, and the same declaration changes nothing the second time.
    """
    origins: dict[str, str] = {}
    for name, former in new.items():
        if name not in old and (free := _first(former, lambda each: each in old and each not in origins.values())):
            origins[name] = free
    origins |= _find_moves(old, new, origins)
    problems = {name: _problem(what, name, former, old, origins) for name, former in new.items()}
    return Renames(origins, {name: problem for name, problem in problems.items() if problem})


def _first(names: Iterable[str], fits: Callable[[str], bool]) -> str | None:
    return next((name for name in names if fits(name)), None)


def _find_moves(old: FormerNames, new: FormerNames, origins: Mapping[str, str]) -> dict[str, str]:
    """Return {name: origin} of the names that exist and replace another one."""
    moves: dict[str, str] = {}

    def taken() -> set[str]:
        return {*origins.values(), *moves.values()}

    def finds() -> Iterator[tuple[str, str]]:
        for name in [each for each in new if each in old and each not in moves]:
            origin = _origin(name, new[name], old, is_vacant=name in taken())
            if origin and origin not in taken():
                yield name, origin

    while found := next(finds(), None):
        moves.update([found])
    while wrong := [name for name in moves if not _may_move(name, moves, new, old, taken())]:
        for name in wrong:
            del moves[name]
    return moves


def _origin(name: str, former: list[str], old: FormerNames, *, is_vacant: bool) -> str | None:
    """Return the former name that an existing name replaces; None if it is known to have replaced it before.

    A field that is renamed leaves its name vacant: then a second rename is meant.
    """
    for each in former:
        if each in old[name] and not is_vacant:
            return None
        if each in old and each != name:
            return each
    return None


def _may_move(name: str, moves: Mapping[str, str], new: FormerNames, old: FormerNames, taken: Collection[str]) -> bool:
    origin = moves[name]
    return (origin not in new or origin in moves) and (origin not in old[name] or name in taken)


def _problem(what: str, name: str, former: list[str], old: FormerNames, origins: Mapping[str, str]) -> str | None:
    others = [each for each in former if each != name]
    if not others or name in origins or set(others) & set(old.get(name, ())):
        return None
    if origin := _first(others, lambda each: each in old):
        return f"The {what} {origin} stays or is renamed to another name, so it cannot become {name} as well."
    return f"There is no {what} {others[0][:80]} to rename to {name}."
