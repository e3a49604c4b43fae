"""Explains why there is nothing at a path, and names the path that was most likely meant."""

import re
from uuid import UUID

from flask.globals import request_ctx

from backend.middleware.app import get_app
from backend.middleware.authentication import actor_or_public
from backend.middleware.paths import API, DOCS_PATH, DOCUMENT_PATH
from backend.services.definitions.policies import has_any_grant
from backend.utils.nearest import nearest
from backend.utils.texts import printable

NOTHING_HERE = "There is nothing at this path."
MAX_LENGTH = 200  # characters of a path that is compared with others
SHOWN_CHARACTERS = 40  # of an id in a message

# Where other products have what is wanted, without the beginnings of API_BEGINNING.
ELSEWHERE = {
    **dict.fromkeys(["docs", "swagger", "swagger-ui", "apidocs", "redoc", "api-docs"], DOCS_PATH),
    **dict.fromkeys(["openapi", "openapi.json", "swagger.json", "openapi.yaml"], DOCUMENT_PATH),
    **dict.fromkeys(["login", "signin", "sign-in", "auth/signin", "auth/sign-in", "token"], f"{API}/auth/login"),
    **dict.fromkeys(["register", "signup", "auth/signup", "auth/sign-up"], f"{API}/auth/register"),
    **dict.fromkeys(["me", "users/me", "auth/user"], f"{API}/auth/me"),
    **dict.fromkeys(["health", "healthz", "ping", "status"], "/health/ready"),
}
API_BEGINNING = re.compile(r"/?(api(/|$))?(v[0-9]+(/|$))?")


def explain_missing(path: str) -> str:
    """Return the message for a path at which there is nothing. It names only resources that the caller may use."""
    if len(path) > MAX_LENGTH:
        return NOTHING_HERE
    rest = path[len(API_BEGINNING.match(path)[0]) :].rstrip("/")  # type: ignore[index]  # it matches every path
    name, _, below = rest.partition("/")
    usable = _usable()
    if name in usable:
        proposed = _near_member(name, below) if path.startswith(f"{API}/{name}/") else f"{API}/{rest}"
        problem = None if proposed else _wrong_id(path) or _without_history(path)
    else:  # an unusable resource is explained as one that does not exist
        proposed = ELSEWHERE.get(rest.casefold())
        problem = None if proposed or name in get_app().catalog else _wrong_id(path)
        proposed = proposed or _near_path(rest, usable)
    if problem:
        return problem
    return f"{NOTHING_HERE} Did you mean {printable(proposed, MAX_LENGTH)}?" if proposed else NOTHING_HERE


def _usable() -> set[str]:
    """Return the names of the resources for which the caller has a grant."""
    actor = actor_or_public()
    return {name for name, each in get_app().catalog.items() if has_any_grant(each, actor)}


def _rules() -> list[str]:
    """Return the URL rules among which the path was looked for: those of a resource, or of the system."""
    adapter = request_ctx.url_adapter
    return [rule.rule for rule in adapter.map.iter_rules()] if adapter else []


def _near_member(name: str, below: str) -> str | None:
    """Return the path of a resource that is most like the one that ends in `below`; None if none is."""
    here = f"{API}/{name}"
    record_id, _, member = below.partition("/")
    if not _is_id(record_id):
        record_id, member = "", below
    rules = [re.sub("<uuid:[^>]*>", record_id, rule) for rule in _rules() if record_id or "<" not in rule]
    before = f"{here}/{record_id}/" if record_id else f"{here}/"
    members = {rule.removeprefix(before) for rule in rules if rule.startswith(before) and "<" not in rule}
    found = member if member in members else nearest(member, members)  # it may be a path with one slash too many
    return f"{before}{found}" if found else None if below else here


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _near_path(rest: str, usable: set[str]) -> str | None:
    """Return the path of the system or of a usable resource that is most like `rest`; None if none is."""
    system = [rule.rule for rule in get_app().url_map.iter_rules() if "<" not in rule.rule]
    paths = {path.removeprefix(f"{API}/").removeprefix("/"): path for path in system}
    paths |= {name: f"{API}/{name}" for name in usable}
    if found := rest if rest in paths else nearest(rest, paths):
        return paths[found]
    name, _, below = rest.partition("/")
    found = nearest(name, usable) if below else None
    return f"{API}/{found}/{below}" if found else None


def _without_history(path: str) -> str | None:
    """Return the message for the history of a record that has none; None for other paths."""
    if path.endswith("/history") and f"{path.rsplit('/', 2)[0]}/<uuid:record_id>/history" not in _rules():
        return "This resource keeps no history: set `history` in its definition to true."
    return None


def _wrong_id(path: str) -> str | None:
    """Return the message for a path that would be one with an id at its place; None for other paths."""
    for rule in _rules():
        pattern = re.sub("<uuid:[^>]*>", "([^/]+)", re.sub("<[^:>]*>", "[^/]+", rule))
        if "(" in pattern and (match := re.fullmatch(pattern, path)):
            return f"{printable(match[1], SHOWN_CHARACTERS)} is not an id: an id is a UUID."
    return None
