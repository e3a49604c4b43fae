"""Explains fields of bodies that do not exist: what was most likely meant."""

from collections.abc import Collection

from backend.utils.nearest import nearest
from backend.utils.problems import Problem

# What other products call the members of definitions and accounts, without `_` and in lower case.
OTHERS = {
    **dict.fromkeys(["target", "ref", "references", "resource", "relatedto", "foreignkey"], "to"),
    **dict.fromkeys(["items", "itemtype", "elements", "itemstype"], "of"),
    **dict.fromkeys(["values", "options", "enum", "allowed"], "choices"),
    **dict.fromkeys(["nullable", "null", "optional", "notnull", "mandatory"], "required"),
    **dict.fromkeys(["length", "size", "maxlen"], "max_length"),
    **dict.fromkeys(["minimum", "gte"], "min"),
    **dict.fromkeys(["maximum", "lte"], "max"),
    **dict.fromkeys(["digits"], "precision"),
    **dict.fromkeys(["decimals", "places", "decimalplaces"], "scale"),
    **dict.fromkeys(["readonly"], "writable_by"),
    **dict.fromkeys(["visibleto", "hidden"], "readable_by"),
    **dict.fromkeys(["regex", "regexp", "match"], "pattern"),
    **dict.fromkeys(["formula", "expression", "generated"], "computed"),
    **dict.fromkeys(["cascade", "ondeletecascade"], "on_delete"),
    **dict.fromkeys(["properties", "columns", "schema", "attributes"], "fields"),
    **dict.fromkeys(["permissions", "acl", "grants", "policies"], "access"),
    **dict.fromkeys(["constraints"], "checks"),
    **dict.fromkeys(["fulltext", "searchable"], "search"),
    **dict.fromkeys(["username", "user", "login", "mail"], "email"),
    **dict.fromkeys(["role"], "roles"),
    **dict.fromkeys(["fullname", "displayname"], "name"),
    **dict.fromkeys(["type", "method", "action", "operation"], "op"),
}


def propose_field(problem: Problem, name: object, known: Collection[str]) -> Problem:
    """Return the problem of a field that is not among the `known` ones, with the one that was most likely meant."""
    plain = str(name).casefold().replace("_", "").replace("-", "").replace(" ", "")
    other = OTHERS.get(plain)
    return problem.proposing(other if other in known else nearest(str(name), known))
