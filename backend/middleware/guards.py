"""Guards: the checks that views make before anything of a request is read."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from flask import request

from backend.middleware.authentication import current_actor
from backend.services.access import audit
from backend.services.access.actors import Actor
from backend.services.access.permissions import require_permission
from backend.services.errors import Denied, Unauthenticated

R = TypeVar("R")


class Guard(Generic[R]):
    """A check that a view makes before it reads anything of the request; `needs` is what the document says of it."""

    def __init__(self, check: Callable[[], R], needs: str) -> None:
        self._check, self.needs = check, needs

    def __call__(self) -> R:
        """Return what the check returns; it raises to refuse the call."""
        return self._check()


def needing(what: str) -> Callable[[Callable[[], R]], Guard[R]]:
    """Return the decorator that makes a check the Guard that needs `what`."""
    return lambda check: Guard(check, what)


@needing("a sign-in")
def signed_in_actor() -> Actor:
    """Return the Actor of this request; raise Unauthenticated if no user is signed in."""
    actor = current_actor()
    if actor.user_id is None:
        raise Unauthenticated()
    return actor


@needing("a session")
def actor_in_session() -> Actor:
    """Return the Actor of this request, a user; raise Unauthenticated, or Denied for an API key."""
    actor = signed_in_actor()
    if actor.session_id is None:
        raise Denied("An API key may not do this; sign in.")
    return actor


def in_session(guard: Guard[Any]) -> Guard[None]:
    """Return the guard that lets pass whom `guard` lets pass, but no API key."""

    def check() -> None:
        guard()
        actor_in_session()

    return Guard(check, f"{guard.needs}, in a session")


@needing("nothing")
def anybody() -> None:
    """Let everyone call the view, even with a token that is not valid."""


def permission(*any_of: str) -> Guard[None]:
    """Return the guard of a view that needs one of the permissions.

    Refusals are counted in the audit trail, by route: callers cannot fill it by choosing paths. Those of callers who
    are not signed in are not counted at all.
    """

    def check() -> None:
        actor = current_actor()
        try:
            require_permission(actor, *any_of)
        except Denied:
            route = ("route", request.url_rule.rule if request.url_rule else None)
            audit.record_repeated(actor, "call.refuse", route, method=request.method, needs=list(any_of))
            raise

    return Guard(check, f"permission {' or '.join(any_of)}")
