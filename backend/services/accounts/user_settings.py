"""The settings of users: the fields of their profiles, and the directory."""

from collections.abc import Mapping
from typing import Any

from backend.models.database import database
from backend.models.definition import Generation
from backend.services.access.actors import Actor
from backend.services.accounts.directory import apply_directory, require_known
from backend.services.accounts.profile_fields import apply_fields
from backend.services.definitions.people import DIRECTORY, Settings, read_settings

PARTS = Settings._fields


def replace_settings(actor: Actor, declared: Mapping[str, Any], *, confirmed: bool = False) -> Settings:
    """Replace the declared parts of the settings, `fields` or `directory` or both, and return all Settings.

    The values of removed profile fields are deleted. Raises Invalid if a declaration is not valid. Raises Conflict if
    values would be deleted and this is not `confirmed`, if a definition uses a field that is removed or gets a
    different type, or if users have values that a field does not allow.
    """
    with database.time_limit(None), database.atomic():  # no time limit, since every user may change
        database.lock_definitions()
        apply_settings(actor, declared, confirmed=confirmed)
        return read_settings()


def apply_settings(actor: Actor, declared: Mapping[str, Any], *, confirmed: bool = False) -> list[str]:
    """Do what replace_settings does, and return which parts changed. The caller must hold the lock on definitions."""
    changed = []
    if "fields" in declared and apply_fields(actor, declared["fields"], confirmed=confirmed):
        changed.append("fields")
    if "directory" in declared and apply_directory(actor, declared["directory"]):
        changed.append("directory")
    require_known(read_settings())
    if changed:
        Generation.advance()  # the catalogs of all processes contain what the directory shows
    return changed


def export_settings() -> dict[str, Any]:
    """Return the settings that differ from the default ones, in the form that apply_settings takes."""
    exported = read_settings()._asdict()
    return {part: value for part, value in exported.items() if value != Settings({}, DIRECTORY)._asdict()[part]}
