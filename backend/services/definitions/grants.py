"""Grants: who may perform an action on which rows, as the `access` of a definition declares."""

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from backend.services.definitions.names import shown_name
from backend.utils.nearest import nearest
from backend.utils.problems import Problem

Grant = str | dict[str, Any]  # a role, or {"role": …, "where": …}

PUBLIC_GRANT, OWNER_GRANT = "public", "owner"

# What other products call them.
OTHER_WORDS = {
    **dict.fromkeys(["everyone", "everybody", "anyone", "anybody", "anonymous", "all", "*", "guest"], PUBLIC_GRANT),
    **dict.fromkeys(["self", "author", "creator", "me", "own"], OWNER_GRANT),
    **dict.fromkeys(["user", "users", "authenticated", "signed_in"], "member"),
}


class Grants(NamedTuple):
    """Who may perform one action.

    `roles` may perform it on every row. `ruled` are (role, where) pairs: the role may perform it on the rows that meet
    the `where`, and an owner only on their own. For example `[member, {role: editor, where: {open: true}}]` is
    `Grants(frozenset({"member"}), (("editor", {"open": True}),))`.
    """

    roles: frozenset[str]
    ruled: tuple[tuple[str, dict[str, Any]], ...]

    @property
    def are_public(self) -> bool:
        """Whether some rows are granted to everybody, without a sign-in."""
        return PUBLIC_GRANT in self.roles or any(role == PUBLIC_GRANT for role, _ in self.ruled)

    @property
    def to_owner(self) -> bool:
        """Whether users are granted the records that they created."""
        return any(role == OWNER_GRANT for role, _ in self.ruled)


NO_GRANTS = Grants(frozenset(), ())


def read_grants(grants: Collection[Grant]) -> Grants:
    """Return the Grants of a list that grant_problems accepts."""
    roles = {grant for grant in grants if isinstance(grant, str)}
    ruled = [(grant["role"], grant["where"]) for grant in grants if isinstance(grant, dict)]
    own: list[tuple[str, dict[str, Any]]] = [(OWNER_GRANT, {})] if OWNER_GRANT in roles else []
    return Grants(frozenset(roles - {OWNER_GRANT}), (*own, *ruled))


def granted_roles(grants: Iterable[Grant]) -> set[str]:
    """Return the names of the roles in a list of grants."""
    return {grant if isinstance(grant, str) else grant["role"] for grant in grants}


def grant_problems(grants: Iterable[Any], roles: Collection[str]) -> list[Problem]:
    """Return the problems of a list of grants; `roles` are the names of all roles.

    The `where` of a grant is checked with all definitions, because it may lead through several.
    """
    problems = []
    for grant in grants:
        name = grant
        if isinstance(grant, dict) and set(grant) == {"role", "where"}:
            name = grant["role"]
        if not isinstance(name, str):
            text = "A grant is a role, `public`, `owner`, or an object of `role` and `where`."
            problems.append(Problem("wrong_type", text))
        elif name not in {*roles, PUBLIC_GRANT, OWNER_GRANT}:
            text = f"No such role: {shown_name(name)}. A grant is a role, `public` or `owner`."
            problem = Problem("not_found", text, names=[shown_name(name)])
            problems.append(problem.proposing(_near_role(name, roles)))
    return problems


def _near_role(name: str, roles: Collection[str]) -> str | None:
    """Return the role or word that was most likely meant; None if none was."""
    known = [*roles, PUBLIC_GRANT, OWNER_GRANT]
    other = OTHER_WORDS.get(name.casefold())
    return other if other in known else nearest(name, known)
