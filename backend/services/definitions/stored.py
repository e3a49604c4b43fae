"""Reads the definitions and the names of roles from the database."""

import json
from collections.abc import Mapping

from peewee import Cast

from backend.models.database import database
from backend.models.definition import StoredDefinition
from backend.models.role import Role
from backend.services.access.permissions import RECORDS_READ, RECORDS_WRITE
from backend.services.definitions.definition import Definition
from backend.services.definitions.parsing import read_definition

Stored = tuple[int, str]  # the version of a definition and its JSON text
RECORD_ACTIONS = {RECORDS_READ: ("list", "read"), RECORDS_WRITE: ("create", "update", "delete")}


def read_stored(known: Mapping[str, tuple[Definition, Stored]]) -> dict[str, tuple[Definition, Stored]]:
    """Return the map of name to (Definition, Stored); what is `known` already is not parsed again."""
    columns = (StoredDefinition.name, StoredDefinition.version, Cast(StoredDefinition.body, "TEXT"))
    rows = database.execute(StoredDefinition.select(*columns).order_by(StoredDefinition.name)).fetchall()
    definitions = {}
    for name, version, body in rows:
        stored = version, body
        if name in known and known[name][1] == stored:
            definitions[name] = known[name]
        else:
            definitions[name] = read_definition({"name": name, **json.loads(body)}, version), stored
    return definitions


def load_definitions() -> dict[str, Definition]:
    """Return the map of name to Definition, for all that are stored."""
    rows = StoredDefinition.select().order_by(StoredDefinition.name)
    return {row.name: read_definition({"name": row.name, **row.body}, row.version) for row in rows}


def permitted_roles() -> dict[str, frozenset[str]]:
    """Return a map of each of ACTIONS to the roles that may perform it on all records of all resources.

    The permission itself is one of them, because an API key can have it without a role.
    """
    roles = list(Role.select(Role.name, Role.permissions))
    return {
        action: frozenset([permission, *(role.name for role in roles if permission in role.permissions)])
        for permission, actions in RECORD_ACTIONS.items()
        for action in actions
    }


def role_names() -> list[str]:
    """Return the names of all roles."""
    return [role.name for role in Role.select(Role.name).order_by(Role.name)]
