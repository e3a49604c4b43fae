"""Guards: the checks that run before a view reads anything of its request."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from flask import request

from backend.middleware.app import get_app
from backend.middleware.authentication import current_actor
from backend.services.access import audit
from backend.services.access.actors import Actor
from backend.services.access.permissions import require_permission
from backend.services.errors import Denied, Unauthenticated

R = TypeVar("R")


class Guard(Generic[R]):
    """A check that runs before a view; `needs` describes it in the OpenAPI document."""

    def __init__(self, check: Callable[[], R], needs: str) -> None:
        self._check, self.needs = check, needs

    def __call__(self) -> R:
        """Return the result of the check, which raises Unauthenticated or Denied to refuse the request."""
        return self._check()


def needing(what: str) -> Callable[[Callable[[], R]], Guard[R]]:
    """Return a decorator that turns a check into a Guard; `what` describes what it needs."""
    return lambda check: Guard(check, what)


@needing("a sign-in")
def signed_in_actor() -> Actor:
    """Return the Actor of this request. Raises Unauthenticated if no user is signed in."""
    actor = current_actor()
    if actor.user_id is None:
        raise Unauthenticated()
    return actor


@needing("a session")
def actor_in_session() -> Actor:
    """Return the Actor of this request. Raises Unauthenticated if no user is signed in, Denied for an API key."""
    actor = signed_in_actor()
    if actor.session_id is None:
        raise Denied("An API key may not do this; sign in.")
    return actor


def in_session(guard: Guard[Any]) -> Guard[None]:
    """Return a guard that accepts what `guard` accepts, except API keys."""

    def check() -> None:
        guard()
        actor_in_session()

    return Guard(check, f"{guard.needs}, in a session")


@needing("nothing, or a sign-in")
def reader_of_documents() -> Actor:
    """Return the Actor of this request. Raises Unauthenticated for a caller who may not see the OpenAPI document."""
    return current_actor() if get_app().settings.public_docs else signed_in_actor()


@needing("nothing")
def anybody() -> None:
    """Accept every request, even with a token that is not valid."""


def permission(*any_of: str) -> Guard[None]:
    """Return a guard that needs one of the permissions.

    The audit trail records refusals of signed-in callers. It records them by route, not by path, so that nobody can
    fill it with entries.
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
