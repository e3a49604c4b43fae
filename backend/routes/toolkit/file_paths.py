"""The paths of files in the OpenAPI document, as far as an actor may see the fields."""

from collections.abc import Collection
from typing import Any

from backend.middleware.paths import API
from backend.services.definitions.catalog import Resource

FIELD = "field"  # the parameter


def narrow_file_paths(paths: dict[str, Any], resource: Resource, hidden: Collection[str]) -> dict[str, Any]:
    """Return the paths of a resource, with the visible fields that have files as the values of FIELD."""
    fields = [name for name in resource.definition.files if name not in hidden]
    below = f"{API}/{resource.name}/{{record_id}}/{{{FIELD}}}"
    own = {path: item for path, item in paths.items() if path.startswith(below)}
    others = {path: item for path, item in paths.items() if path not in own}
    return others | ({path: _with_fields(item, fields) for path, item in own.items()} if fields else {})


def _with_fields(item: dict[str, Any], fields: list[str]) -> dict[str, Any]:
    schema = {"type": "string", "enum": fields}
    return item | {
        "parameters": [each | {"schema": schema} if each["name"] == FIELD else each for each in item["parameters"]]
    }
