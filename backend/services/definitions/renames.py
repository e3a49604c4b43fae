"""Decides renames, of fields and of resources alike: which old name each declared name replaces.

A rename is decided and carried out in these places:

1. A definition declares former names of a resource or of a field in `renamed_from`, the latest first.
2. `find_renames` in this module compares the names in force with the declared names. It decides which declared name
   replaces which old one, and returns errors for former names that cannot be replaced.
3. For the fields of a resource, `Alteration` (changes.py) calls it. A field in force that is neither kept nor renamed
   is dropped, and a declared field that replaces none is added.
4. For resources, `make_plan` (plans.py) calls it, changes references in other resources to the new names, and adds the
   stored former names to each new definition: so a database that is several versions behind can follow every rename.
5. alteration_steps.py describes the renames as steps of the plan, and schema_changes.py renames tables and columns.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from backend.utils.problems import Problem

FormerNames = Mapping[str, list[str]]  # map of name to its former names, the latest first


class Renames(NamedTuple):
    """`old_names` is a map of new to old name, `problems` a map of new name to the error in its former names.

    For example, Renames({"title": "name"}, problems={"pages": Problem("not_found", "There is no field length …")}).
    """

    old_names: dict[str, str]
    problems: dict[str, Problem]


def find_renames(noun: str, old: FormerNames, new: FormerNames) -> Renames:
    """Return the Renames from the names in force (`old`) to the declared ones (`new`); `noun` is for messages.

    A declared name that is not in force replaces the first of its former names that is in force and not yet replaced.

    A declared name that is in force already replaces another one only if both are true:
    - The definition in force does not list that former name yet. So the same file can be applied again.
    - The other name is renamed itself, or is no longer declared. So two names can be swapped.
    """
    old_names: dict[str, str] = {}
    for name, former in new.items():
        if name in old:
            continue
        if found := _first(former, lambda candidate: candidate in old and candidate not in old_names.values()):
            old_names[name] = found
    old_names |= _find_takeovers(old, new, old_names)
    problems = {name: _problem(noun, name, former, old, old_names) for name, former in new.items()}
    return Renames(old_names, {name: problem for name, problem in problems.items() if problem})


def _first(names: Iterable[str], fits: Callable[[str], bool]) -> str | None:
    return next((name for name in names if fits(name)), None)


def _find_takeovers(old: FormerNames, new: FormerNames, old_names: Mapping[str, str]) -> dict[str, str]:
    """Return the map of new to old name for the names in force that replace another name in force.

    `old_names` are the renames that have been found before.
    """
    takeovers: dict[str, str] = {}

    def replaced() -> set[str]:
        return {*old_names.values(), *takeovers.values()}

    def candidates() -> Iterator[tuple[str, str]]:
        for name in [name for name in new if name in old and name not in takeovers]:
            old_name = _replaced_name(name, new[name], old, is_free=name in replaced())
            if old_name and old_name not in replaced():
                yield name, old_name

    while candidate := next(candidates(), None):
        takeovers.update([candidate])
    # Each takeover that is removed may make another one impossible.
    while impossible := [name for name in takeovers if not _may_take_over(name, takeovers, new, old, replaced())]:
        for name in impossible:
            del takeovers[name]
    return takeovers


def _replaced_name(name: str, former: list[str], old: FormerNames, *, is_free: bool) -> str | None:
    """Return the former name that a name in force replaces, or None if the definition in force lists it already.

    A name `is_free` if what had it is renamed. Then a former name that is listed already means a second rename.
    """
    for candidate in former:
        if candidate in old[name] and not is_free:
            return None
        if candidate in old and candidate != name:
            return candidate
    return None


def _may_take_over(
    name: str, takeovers: Mapping[str, str], new: FormerNames, old: FormerNames, replaced: Collection[str]
) -> bool:
    """Return whether both conditions of find_renames are true for one of the takeovers."""
    old_name = takeovers[name]
    return (old_name not in new or old_name in takeovers) and (old_name not in old[name] or name in replaced)


def _problem(noun: str, name: str, former: list[str], old: FormerNames, old_names: Mapping[str, str]) -> Problem | None:
    """Return the error in the former names of a declared name, or None."""
    others = [candidate for candidate in former if candidate != name]
    if not others or name in old_names or set(others) & set(old.get(name, ())):
        return None
    if existing := _first(others, lambda candidate: candidate in old):
        text = f"The {noun} {existing} stays or is renamed to another name, so it cannot become {name} as well."
        return Problem("not_allowed", text)
    return Problem("not_found", f"There is no {noun} {others[0][:80]} to rename to {name}.")
