"""The blueprint of a resource, whose views are guarded by its grants."""

from collections.abc import Callable
from typing import Any

from backend.middleware.authentication import current_actor
from backend.middleware.guards import Guard, needing
from backend.middleware.paths import API
from backend.routes.toolkit.blueprint import Blueprint, View
from backend.routes.toolkit.resource_schemas import resource_schemas
from backend.routes.toolkit.security import OPTIONAL_SIGN_IN, SIGN_IN
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.definitions.client_names import client_names


class ResourceBlueprint(Blueprint):
    """The blueprint of one resource."""

    def __init__(self, resource: Resource) -> None:
        definition = resource.definition
        super().__init__(
            resource.name,
            __name__,
            url_prefix=f"{API}/{resource.name}",
            description=definition.description or f"Records of {resource.name}",
        )
        self.resource, self.definition, self.names = resource, definition, client_names(resource.name)
        self.schemas = resource_schemas(resource)

    def allowed(self, action: str) -> Guard[policies.Scope]:
        """Return the guard of a view that needs a grant for the action, such as `list`."""
        return needing(f"a grant to {action}")(lambda: policies.authorize(self.resource, action, current_actor()))

    def documented(self, action: str, operation: str, summary: str, **extra: Any) -> Callable[[View], View]:
        """Return a decorator that documents the operation with this id, and whether the action needs a sign-in."""
        security = OPTIONAL_SIGN_IN if self.definition.grants(action).are_public else SIGN_IN
        return self.doc(operationId=operation, summary=summary, security=security, **extra)
