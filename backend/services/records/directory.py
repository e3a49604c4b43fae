"""The directory: the users that an actor may see."""

from dataclasses import replace

from backend.services.access.actors import Actor
from backend.services.access.permissions import raise_denied
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.definitions.people import SEARCH
from backend.services.records.list_query import ListQuery
from backend.services.records.lists import RecordPage, list_rows

MAX_TERMS = 10  # in one search


def require_open(actor: Actor, people: Resource) -> None:
    """Raise Unauthenticated or Denied unless the actor has a role that sees the directory."""
    if not policies.scope(people, "read", actor).everything:
        raise_denied(actor, "You may not see the directory.")


def list_people(actor: Actor, people: Resource, query: ListQuery, text: str) -> RecordPage:
    """Return the RecordPage of the active users whose shown texts contain each part of `text`, with the shown fields.

    Raises Invalid if the query uses a field that is not shown, Malformed if the cursor is from a different query.
    """
    query = query.without(policies.hidden_fields(people.definition, actor), people)
    parts = tuple((SEARCH, "icontains", part) for part in dict.fromkeys(text.split()[:MAX_TERMS]))
    scope = policies.scope(people, "list", actor)
    return list_rows(people, scope, replace(query, filters=query.filters + parts))
