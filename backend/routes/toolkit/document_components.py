"""Components of the OpenAPI document that are written by hand, because no single marshmallow field describes them."""

from typing import Any

from backend.services.definitions import schema

Json = dict[str, Any]  # a part of the document


def component(name: str) -> Json:
    """Return what refers to a component of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


PROBLEMS: Json = {
    "type": "object",
    "description": "The problems of values, by field; those of a part of a value are deeper",
    "additionalProperties": {
        "anyOf": [{"type": "array", "items": component("ValueProblem")}, component("ValueProblems")]
    },
}
PLACES = ("json", "query", "headers", "operations", "rows", "columns")  # of values in a request
ERROR_DETAILS: Json = {
    "type": "object",
    "description": "What is wrong with single values, by the part of the request; empty if it is something else",
    "properties": dict.fromkeys(PLACES, component("ValueProblems"))
    | {"plan": component("DefinitionPlan"), "checks": {"type": "array", "items": component("HealthCheck")}},
}
AUDIT_DETAILS: Json = {
    "type": "object",
    "description": "What was changed; each action has some of these members",
    "properties": {
        **dict.fromkeys(("name", "email", "description", "method", "user", "type"), {"type": "string"}),
        **dict.fromkeys(("roles", "permissions", "needs", "left_out"), {"type": "array", "items": {"type": "string"}}),
        **dict.fromkeys(("version", "sessions", "bytes"), {"type": "integer"}),
        "active": {"type": "boolean"},
        "profile": component("UserProfile"),
    },
    "additionalProperties": {},
}
FILE: Json = {
    "type": "object",
    "description": "A file that is attached to a record; to attach one, send its id",
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "name": {"type": "string"},
        "type": {"type": "string", "description": "What the bytes are, as a MIME type"},
        "bytes": {"type": "integer"},
        "sha256": {"type": "string"},
        "url": {"type": "string", "description": "The path to download it from"},
    },
    "required": ["id", "name", "type", "bytes", "sha256", "url"],
}
# Of fields of resources: they are only in the document if a field has them.
COMPONENTS_OF_FIELDS: dict[str, Json] = {"AttachedFile": FILE}
COMPONENTS: dict[str, Json] = {
    "ErrorDetails": ERROR_DETAILS,
    "ValueProblems": PROBLEMS,
    "AuditDetails": AUDIT_DETAILS,
    **schema.COMPONENTS,
}
